"""HTTP/1.1 over one socket: keep-alive, pipelining in order, and the ways a network fails.

Parsing is llhttp's (through `httptools`); what is here is the order of replies and their framing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, BinaryIO

import httptools

from sandbox.answers import Reply, rejected

REQUEST_BYTES_MAX = 65_536
_PIPELINED_MAX = 32
_CHUNK_BYTES = 262_144
_SURPLUS_BYTES = 64  # how much more than it sends a truncated reply promises

Handle = Callable[["Connection", bytes, bytes, bytes], None]

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Connection(asyncio.Protocol):
    """One client's socket. Requests are handled one at a time, in order."""

    def __init__(self, handle: Handle, open_connections: set["Connection"]) -> None:
        """``handle`` is given each request; it must in the end respond or abort."""
        self._handle = handle
        self._all = open_connections
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = self._body = b""
        self._received = 0
        self._pipelined: deque[tuple[bytes, bytes, bytes, bool]] = deque()
        self._is_busy = False
        self._keep_alive = True
        self._file: BinaryIO | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Called by the event loop."""
        self._all.discard(self)
        self._end_file()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(rejected(400, "invalid_http", "This is not an HTTP/1.1 request."))
            return
        if self._received > REQUEST_BYTES_MAX:
            self._refuse(rejected(413, "request_too_large", "The request is too large."))

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._url = self._body = b""

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        parser = self._parser
        self._received = 0
        request = (parser.get_method(), self._url, self._body, parser.should_keep_alive())
        self._url = self._body = b""
        if self._is_busy:
            self._pipelined.append(request)
            if len(self._pipelined) >= _PIPELINED_MAX:
                self._transport.pause_reading()
        else:
            self._start(request)

    def respond(self, reply: Reply) -> None:
        """Send a JSON reply and go on to the next request."""
        if not self._transport.is_closing():
            self._transport.write(
                _head(reply.status, len(reply.body), self._keep_alive) + reply.body
            )
        self._next()

    def respond_file(self, file: BinaryIO, length: int, content_type: str) -> None:
        """Send a file as fast as the client takes it, then close the file."""
        if self._transport.is_closing():
            file.close()
            return
        self._transport.write(_head(200, length, self._keep_alive, content_type))
        self._file = file
        self.resume_writing()

    def pause_writing(self) -> None:
        """Called by the event loop; `resume_writing` follows."""

    def resume_writing(self) -> None:
        """Called by the event loop when the client has taken what was written."""
        while self._file is not None and self._transport.get_write_buffer_size() < _CHUNK_BYTES:
            chunk = self._file.read(_CHUNK_BYTES)
            if not chunk:
                self._end_file()
                self._next()
                return
            self._transport.write(chunk)

    def truncate(self, reply: Reply) -> None:
        """Promise more bytes than are sent, then close."""
        if not self._transport.is_closing():
            promised = len(reply.body) + _SURPLUS_BYTES
            self._transport.write(_head(reply.status, promised, self._keep_alive) + reply.body)
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once, without a word."""
        self._transport.abort()

    def close_when_idle(self) -> None:
        """Close now if nothing is being handled, else after the reply."""
        self._keep_alive = False
        if not self._is_busy:
            self._transport.close()
        else:
            self._pipelined.clear()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being handled."""
        return self._is_busy

    def _start(self, request: tuple[bytes, bytes, bytes, bool]) -> None:
        method, url, body, keep_alive = request
        self._is_busy = True
        self._keep_alive = self._keep_alive and keep_alive
        self._handle(self, method, url, body)

    def _next(self) -> None:
        self._is_busy = False
        if not self._keep_alive:
            self._transport.close()
        elif self._pipelined and not self._transport.is_closing():
            self._transport.resume_reading()
            self._start(self._pipelined.popleft())

    def _refuse(self, reply: Reply) -> None:
        if self._is_busy:
            self.abort()
            return
        self._keep_alive = False
        self.respond(reply)

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _Date:
    """The Date header, made once a second."""

    second = 0
    line = b""


def _date_line() -> bytes:
    second = int(time.time())
    if second != _Date.second:
        _Date.second = second
        _Date.line = f"date: {formatdate(second, usegmt=True)}\r\n".encode()
    return _Date.line


def _head(
    status: int, length: int, keep_alive: bool, content_type: str = "application/json"
) -> bytes:
    return b"%bcontent-type: %b\r\n%b%bcontent-length: %d\r\n\r\n" % (
        _STATUS_LINES[status],
        content_type.encode(),
        _date_line(),
        b"" if keep_alive else b"connection: close\r\n",
        length,
    )
