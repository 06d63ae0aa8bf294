"""A real merchant's server on 127.0.0.1 that remembers what reached it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[int], Awaitable[web.StreamResponse]]


class Receiver:
    """Answers the n-th request as `answer(n)` says."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.arrived = asyncio.Event()
        self.url = ""
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.arrived.set()
        if self.answer is None:
            return web.Response()
        return await self.answer(len(self.bodies))

    async def until(self, count: int, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while len(self.bodies) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def receiver(answer: Answer | None = None) -> AsyncIterator[Receiver]:
    """Serve on a free port."""
    served = Receiver(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.port = runner.addresses[0][1]
    served.url = f"http://127.0.0.1:{served.port}/hook"
    try:
        yield served
    finally:
        await runner.cleanup()


def statuses(*codes: int) -> Answer:
    """The first requests are answered with these codes, all others with 200."""

    async def answer(number: int) -> web.StreamResponse:
        return web.Response(status=codes[number - 1] if number <= len(codes) else 200)

    return answer
