"""One request at the proxy and what may be done with it. A fault is a coroutine that is given the exchange."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httptools
import msgspec

CHUNK = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Reply(msgspec.Struct, frozen=True):
    """A processor's reply as it came: its head with the empty line, and the rest."""

    head: bytes
    body: bytes


class Request(msgspec.Struct):
    """A request as the proxy saw it. `forwarded`: the processor got all of it. `reply`: what it then said."""

    raw: bytes = b""
    forwarded: bool = False
    reply: Reply | None = None


class _Whole:
    """Notices the end of an HTTP message."""

    def __init__(self) -> None:
        self.complete = False

    def on_message_complete(self) -> None:
        self.complete = True


class Exchange:
    """A request that reached the proxy whole. `served` requests came before it on the same connection."""

    def __init__(
        self, request: Request, served: int, writer: asyncio.StreamWriter, processor: str
    ) -> None:
        self.request, self.served = request, served
        self._writer, self._processor = writer, processor

    async def forward(self) -> Reply:
        """Hand the request to the processor, and give what it says."""
        parts = urlsplit(self._processor)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(self.request.raw)
            await writer.drain()
            self.request.forwarded = True
            self.request.reply = await _reply(reader)
            return self.request.reply
        finally:
            writer.close()

    async def forward_part(self) -> None:
        """Hand half of the request to the processor, and hang up on it."""
        parts = urlsplit(self._processor)
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(self.request.raw[: len(self.request.raw) // 2])
        await writer.drain()
        reset(writer)

    async def answer(self, data: bytes) -> None:
        """Write to the adapter. Raises ConnectionError once it has hung up."""
        if self._writer.is_closing():
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()

    async def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        await asyncio.sleep(milliseconds / 1_000)

    def close(self) -> None:
        """End the connection in order."""
        self._writer.close()

    def reset(self) -> None:
        """End the connection without order."""
        reset(self._writer)


Fault = Callable[[Exchange], Awaitable[None]]


async def no_fault(exchange: Exchange) -> None:
    """Hand on what is said, both ways."""
    reply = await exchange.forward()
    await exchange.answer(reply.head + reply.body)


async def read_request(
    reader: asyncio.StreamReader, begun: Callable[[Request], None]
) -> Request | None:
    """The next request, told of as soon as it begins; None if the connection ends before its end."""
    request, whole = Request(), _Whole()
    parser = httptools.HttpRequestParser(whole)
    while not whole.complete:
        data = await reader.read(CHUNK)
        if not data:
            return None
        if not request.raw:
            begun(request)
        request.raw += data
        parser.feed_data(data)
    return request


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset."""
    wire = writer.get_extra_info("socket")
    if wire is not None and not writer.is_closing():
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


async def _reply(reader: asyncio.StreamReader) -> Reply:
    whole, raw = _Whole(), b""
    parser = httptools.HttpResponseParser(whole)
    while not whole.complete:
        data = await reader.read(CHUNK)
        if not data:
            break
        raw += data
        parser.feed_data(data)
    head, blank, body = raw.partition(b"\r\n\r\n")
    return Reply(head + blank, body)
