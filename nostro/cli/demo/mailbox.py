"""A webhook receiver on a free local port, as a shop would have one: verifies each signature, answers 200."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from nostro.cli.demo.shop import DemoFailed
from nostro.kernel.ports import Clock
from nostro.wire.webhook_signature import SignatureRefused, verify

WAIT_SECONDS = 20.0


class Mailbox:
    """Events that arrived with a good signature."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Condition()
        self.secret = ""
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.refused = 0

    async def about(self, type: str, identifier: str) -> dict[str, Any]:
        """The event of a type about an object, waited for. Raises DemoFailed."""
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._changed:
                while True:
                    for event in self.events:
                        if event["type"] == type and event["data"]["object"]["id"] == identifier:
                            return event
                    await self._changed.wait()
        except TimeoutError:
            raise DemoFailed(f"no {type} about {identifier} in {WAIT_SECONDS:.0f} s") from None

    async def receive(self, request: web.Request) -> web.Response:
        """One delivery."""
        body = await request.read()
        header = request.headers.get("Stripe-Signature", "")
        try:
            verify(header, body, [self.secret], self._clock.system() // 1_000)
        except (SignatureRefused, ValueError):
            self.refused += 1
            return web.Response(status=400)
        async with self._changed:
            self.events.append(json.loads(body))
            self._changed.notify_all()
        return web.Response(status=200)


@asynccontextmanager
async def mailbox(clock: Clock) -> AsyncIterator[Mailbox]:
    """A mailbox that listens until the end of the block."""
    box = Mailbox(clock)
    application = web.Application()
    application.router.add_post("/webhooks", box.receive)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        box.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
        yield box
    finally:
        await runner.cleanup()
