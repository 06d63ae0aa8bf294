"""The proxy between an adapter and its processor: hands on or fails, as it is told, and counts.

It runs in a thread of its own, so that an adapter that blocks its event loop is found out and not joined.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

import httptools

from nostro.conformance.exchange import Exchange, Fault, Request, no_fault, read_request, reset
from nostro.conformance.impostor import impostor

HOST = "127.0.0.1"
T = TypeVar("T")


class ProxyThread:
    """The event loop in which every proxy of a suite runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it there, and wait for it here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


class Proxy:
    """One listening socket before a processor. `fault` is what is done to each request; the rest counts."""

    def __init__(self, processor: str) -> None:
        self._processor = processor
        self.fault: Fault = no_fault
        self.hangs_up = False  # on whoever connects, before a byte is read
        self.requests: list[Request] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((HOST, 0))  # bound and not listening: connecting is refused
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the adapter finds it."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    async def listen(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener, limit=2**20)

    async def impersonate(self) -> None:
        """Begin to accept, with TLS that nobody vouches for."""
        self._server = await asyncio.start_server(
            self._accept, sock=self._listener, ssl=impostor(HOST)
        )

    async def hold(self, seconds: float) -> bool:
        """Let every attempt to connect hang, until `listen`. False where this machine does not."""
        self._listener.listen(0)
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            self._fillers.append(filler)
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.get_running_loop().sock_connect(
                        filler, self._listener.getsockname()
                    )
            except TimeoutError:
                return True
        return False

    async def catch_up(self) -> None:
        """Read what has arrived by now, so that it is counted."""
        for _ in range(3):  # the socket, the stream, its reader
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for filler in self._fillers:
            filler.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._listener.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, httptools.HttpParserError, asyncio.CancelledError):
            pass  # whoever hung up is gone; what is no HTTP is counted, and gets no answer
        finally:
            self._serving.discard(task)
            reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = 0
        while not (self.hangs_up or writer.is_closing()):
            request = await read_request(reader, self.requests.append)
            if request is None:
                return
            await self.fault(Exchange(request, served, writer, self._processor))
            served += 1
