"""A small HTTP/1.1 client for calls to acquirers: it writes a request once and knows whether it did (ADR 0002).

The one rule: nothing is ever written twice. `NeverWritten` says that no byte left us; `NoAnswer` that some may have.
Hosts are fixed and configured, so there are no redirects, cookies, proxies or compression.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

from nostro.kernel.errors import Misconfigured

BODY_BYTES_MAX = 1_000_000
HEAD_BYTES_MAX = 32_768
CONNECTIONS_MAX = 1_024
CONNECT_SECONDS = 2.0


class NeverWritten(Exception):
    """The request provably never left us."""


class NoAnswer(Exception):
    """The request may have been written, and no complete answer came."""


def always() -> bool:
    """It is never too late: for what moves no money."""
    return True


class _Exchange(asyncio.Protocol):
    """One connection: one request at a time, its answer parsed by llhttp."""

    def __init__(self) -> None:
        self.alive = True
        self._future: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport
        self._body: list[bytes] = []
        self._size = self._head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Write the request; the future carries status and body, or NoAnswer."""
        self._parser = httptools.HttpResponseParser(self)
        self._body, self._size, self._head_size = [], 0, 0
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._future

    def data_received(self, data: bytes) -> None:
        if self._future is None:  # nobody asked: whatever this is, it answers nothing
            self.fail("bytes after an answer")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(f"not HTTP: {error}")

    def on_message_begin(self) -> None:
        if self._future is None:  # a second answer to one request: who knows what would come next
            self.alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_BYTES_MAX:
            self.fail("the head of the answer is too large")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        self._body.append(body)
        if self._size > BODY_BYTES_MAX:
            self.fail("the answer is too large")

    def on_message_complete(self) -> None:
        future, self._future = self._future, None
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._future = future  # an interim answer: the real one follows
            return
        self.alive = self.alive and self._parser.should_keep_alive()
        if future is not None and not future.done():
            future.set_result((status, b"".join(self._body)))

    def eof_received(self) -> None:
        self.fail("closed without an answer")

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(str(error) if error else "closed without an answer")

    def fail(self, reason: str) -> None:
        """End the connection; who waits is told that there is no answer."""
        self.alive = False
        self._transport.abort()
        future, self._future = self._future, None
        if future is not None and not future.done():
            future.set_exception(NoAnswer(reason))


class HttpClient:
    """Keeps at most `connections_max` connections to one origin. `call_seconds` bounds a call from its write to its last byte.

    Before that, it waits for a connection no longer than `CONNECT_SECONDS`, or `call_seconds` if they are less.
    """

    def __init__(
        self, base_url: str, call_seconds: float, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise Misconfigured(f"not the URL of an acquirer: {base_url}")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/").encode()
        self._host_line = f"Host: {parts.netloc}\r\n".encode()
        self._call_seconds = call_seconds
        self._ready_seconds = min(CONNECT_SECONDS, call_seconds)
        self._idle: deque[_Exchange] = deque()
        self._slots = asyncio.Semaphore(connections_max)

    async def post(
        self, path: bytes, body: bytes, in_time: Callable[[], bool] = always
    ) -> tuple[int, bytes]:
        """POST JSON, if it is still `in_time` just before the write. Raises NeverWritten or NoAnswer."""
        head = (
            b"POST %b%b HTTP/1.1\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        request = head % (self._prefix, path, self._host_line, len(body)) + body
        return await self._ask(request, in_time)

    async def get(self, path: bytes) -> tuple[int, bytes]:
        """GET. Raises NeverWritten or NoAnswer."""
        request = b"GET %b%b HTTP/1.1\r\n%b\r\n" % (self._prefix, path, self._host_line)
        return await self._ask(request, always)

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().fail("closing")

    async def _ask(self, request: bytes, in_time: Callable[[], bool]) -> tuple[int, bytes]:
        exchange = await self._ready()
        try:
            if not in_time():
                raise NeverWritten("the time to send it was over")
            return await self._answer(exchange, request)
        finally:
            self._slots.release()
            if exchange.alive:
                self._idle.append(exchange)

    async def _answer(self, exchange: _Exchange, request: bytes) -> tuple[int, bytes]:
        answer = exchange.ask(request)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._call_seconds, exchange.fail, "no answer in time")
        try:
            return await answer
        except asyncio.CancelledError:
            exchange.fail("cancelled")
            raise
        finally:
            timer.cancel()

    async def _ready(self) -> _Exchange:
        """A connection to write to, and the slot that it takes. Raises NeverWritten."""
        try:
            async with asyncio.timeout(self._ready_seconds):
                await self._slots.acquire()
                try:
                    return self._take() or await self._open()
                except BaseException:
                    self._slots.release()
                    raise
        except (OSError, TimeoutError) as error:
            raise NeverWritten(f"{type(error).__name__}: {error}") from error

    def _take(self) -> _Exchange | None:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.alive:
                return exchange
        return None

    async def _open(self) -> _Exchange:
        _, exchange = await asyncio.get_running_loop().create_connection(
            _Exchange, self._host, self._port, ssl=self._tls
        )
        return exchange
