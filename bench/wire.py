"""The least HTTP/1.1 a load generator needs: one request at a time on a kept-alive connection.

Requests are finished bytes. Of an answer only the status, its length and its body are looked at.
An answer without Content-Length (chunked, for one) is an error, never a guess.
"""

import asyncio
from collections.abc import Callable
from typing import cast

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class UnreadableAnswer(Exception):
    """The answer is not HTTP/1.1 with a Content-Length."""


def body_length(head: bytes) -> int:
    """The Content-Length in an answer's head. Raises UnreadableAnswer if there is none."""
    lowered = head.lower()
    at = lowered.find(LENGTH)
    if at < 0 or not head.startswith(b"HTTP/1."):
        raise UnreadableAnswer(head[:80].decode("latin-1"))
    start = at + len(LENGTH)
    end = lowered.find(b"\r\n", start)
    return int(lowered[start : end if end > 0 else None])


class Connection(asyncio.Protocol):
    """One keep-alive connection.

    `answered(connection, status, body)` is called when an answer is whole, `lost(connection,
    reason)` once when the connection ends. `started` is the caller's: when the request under way
    counts as begun, in nanoseconds of the monotonic clock; None while nothing is under way.
    """

    __slots__ = ("_answered", "_buffer", "_lost", "_reason", "_write", "started", "transport")

    def __init__(
        self,
        answered: "Callable[[Connection, int, bytes], None]",
        lost: "Callable[[Connection, str], None]",
    ) -> None:
        self._answered, self._lost = answered, lost
        self._buffer = b""
        self._reason = "closed by the server"
        self.started: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self._write = self.transport.write

    def send(self, request: bytes, started: int) -> None:
        """Write one request; the one before must have been answered."""
        self.started = started
        self._write(request)

    def data_received(self, data: bytes) -> None:
        """Answer the caller as soon as the answer is whole."""
        if self._buffer:
            data = self._buffer + data
        try:
            whole = self._whole(data)
        except (UnreadableAnswer, ValueError):
            self._reason = "unreadable answer"
            self.transport.abort()
            return
        if whole is None:
            self._buffer = data
            return
        self._buffer = b""
        self._answered(self, *whole)

    @staticmethod
    def _whole(data: bytes) -> tuple[int, bytes] | None:
        end = data.find(HEAD_END)
        if end < 0:
            return None
        begin = end + len(HEAD_END)
        if len(data) < begin + body_length(data[:end]):
            return None
        return int(data[9:12]), data[begin:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so, once."""
        self._lost(self, str(exc) if exc else self._reason)
