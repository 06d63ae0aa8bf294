"""One connection: uvicorn's, with bounds on what it may cost, and refusals in the wire's shape.

One rule: a request reaches the application whole or, as far as the application can tell, its client has gone. Whatever is
refused is answered after the requests that came before it on the same connection, and the connection ends with it.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nostro.api.errors import ApiError, unavailable
from nostro.api.http import limits, refusals
from nostro.api.whole_body import cut_off


class Stage(Enum):
    """What the next byte belongs to."""

    BETWEEN = "between requests"
    HEAD = "the head of a request"
    BODY = "the body of a request"
    LINGER = "what comes after a refusal; unread"


class Connection(HttpToolsProtocol):
    """What uvicorn makes of every connection it takes."""

    head_seconds, body_seconds = limits.HEAD_SECONDS, limits.BODY_SECONDS
    linger_seconds, look_seconds = limits.LINGER_SECONDS, limits.LOOK_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._stage = Stage.BETWEEN
        self._due: float | None = None
        self._unread_since: float | None = None
        self._look_again: asyncio.TimerHandle | None = None
        self._refusal: ApiError | None = None
        self._unanswered = 0
        self._head_bytes = 0
        self._unnoticed_bytes = 0
        self._noticed = False
        self._client_ended = self._stopping = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there and has said nothing yet."""
        super().connection_made(transport)
        self._due = self.loop.time() + self.head_seconds
        self._look_again = self.loop.call_later(self.look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone; a request whose body had not ended is told so."""
        if self._look_again is not None:
            self._look_again.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse it. An Upgrade is not taken up: what follows it is HTTP/1.1 still."""
        while data and self._refusal is None:
            data = self._rest_after(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client will send no more; True keeps the connection for the answers it still waits for."""
        self._client_ended = True
        if self._refusal is None and self._stage is not Stage.BETWEEN:
            self._refuse(cut_off())
        return self._unanswered > 0

    def shutdown(self) -> None:
        """Asked to stop: what is whole is answered; what is not gets a moment to become it."""
        self._stopping = True
        if self._stage is Stage.BODY:
            self._due = min(self._due or 0.0, self.loop.time() + limits.STOPPING_SECONDS)
        super().shutdown()

    # What the parser calls. What is raised here ends the parsing, and is the answer.

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        self._unset_keepalive_if_required()
        self._stage, self._head_bytes = Stage.HEAD, 0
        self._due = self.loop.time() + self.head_seconds
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the URL."""
        self._noticed = True
        super().on_url(url)
        if len(self.url) > limits.URL_BYTES_MAX:
            raise refusals.url_too_long()
        self._head_bytes = len(self.url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field; or a trailer, which means nothing here."""
        self._noticed = True
        self._head_bytes += len(name) + len(value) + len(b": \r\n")
        if self._head_bytes > limits.HEAD_BYTES_MAX:
            raise refusals.head_too_large()
        if self._stage is Stage.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: hand the request to the application, or to the end of the queue."""
        self._noticed = True
        self._refuse_what_cannot_be_served()
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        self._unanswered += 1
        self._stage, self._due = Stage.BODY, self.loop.time() + self.body_seconds
        if (
            not self.cycle.keep_alive
        ):  # closed while its client still sends, it would lose the answer
            self.cycle.transport = cast(asyncio.Transport, _ClosedGently(self))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._noticed = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._noticed = True
        self._stage, self._due = Stage.BETWEEN, None
        self.cycle.transport = self.transport
        super().on_message_complete()

    # What the application's answers call.

    def on_response_complete(self) -> None:
        """An answer is written: on to the next, or to the end."""
        self._unanswered -= 1
        super().on_response_complete()
        if self._unanswered or self._stage is Stage.LINGER or self.transport.is_closing():
            return
        if self._refusal is not None:
            self._say_why()
        elif self._client_ended:
            self.transport.close()

    def close_gently(self) -> None:
        """Send no more, and read what the client still sends, unkept, until it has read the answer."""
        self._stage, self._due = Stage.LINGER, self.loop.time() + self.linger_seconds
        self._refusal = self._refusal or cut_off()
        self._unset_keepalive_if_required()
        if self._client_ended:
            self.transport.close()
            return
        self.flow.resume_reading()
        self.transport.write_eof()

    def _rest_after(self, data: bytes) -> bytes:
        self._noticed = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse(refusals.reason(error))
            return b""
        self._bound_what_is_kept(len(data))
        return b""

    def _bound_what_is_kept(self, count: int) -> None:
        """Bytes from which the parser has told us nothing are kept by it: half a header, say."""
        self._unnoticed_bytes = 0 if self._noticed else self._unnoticed_bytes + count
        if self._unnoticed_bytes > limits.HEAD_BYTES_MAX:
            self._refuse(refusals.head_too_large())

    def _refuse_what_cannot_be_served(self) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise refusals.malformed()
        if len(self.headers) > limits.HEADERS_MAX:
            raise refusals.head_too_large()
        coding = [value for name, value in self.headers if name == b"transfer-encoding"]
        if coding and (version == "1.0" or [value.lower() for value in coding] != [b"chunked"]):
            raise refusals.ambiguous_framing()
        if self.parser.should_upgrade() and (coding or self._has_length()):
            raise refusals.no_upgrade()
        if not self.url.startswith(b"/"):
            self.url = _origin_form(self.url)

    def _has_length(self) -> bool:
        return any(
            name == b"content-length" and value.strip() != b"0" for name, value in self.headers
        )

    def _refuse(self, error: ApiError) -> None:
        """Read no more requests, and say why after the answers to those before."""
        self._refusal, self._due = error, None
        if self._stage is Stage.BODY:
            if self.cycle.response_started:  # there is nothing more to say about it
                self.close_gently()
                return
            self._abandon()
        if self._unanswered == 0:
            self._say_why()

    def _abandon(self) -> None:
        """The body will not come: to the application its client has gone, and its answer is not sent."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        self._unanswered -= 1
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _say_why(self) -> None:
        assert self._refusal is not None
        self.transport.write(refusals.answer(self._refusal, self.server_state.default_headers))
        self.close_gently()

    def _look(self) -> None:
        """Has a deadline passed?"""
        now = self.loop.time()
        self._look_again = self.loop.call_later(self.look_seconds, self._look)
        if self._unread_too_long(now):
            self.transport.abort()
        elif self._due is None or now < self._due or self.transport.is_closing():
            return
        elif self.flow.read_paused:  # it is we who keep it waiting
            self._due = now + self.head_seconds
        elif self._stage is Stage.LINGER:
            self.transport.abort()
        elif self._stage is Stage.BETWEEN:
            self.transport.close()
        else:
            self._refuse(unavailable() if self._stopping else refusals.too_slow())

    def _unread_too_long(self, now: float) -> bool:
        if not (self.flow.write_paused or self.transport.is_closing()):
            self._unread_since = None
            return False
        self._unread_since = self._unread_since or now
        return now - self._unread_since > limits.UNREAD_SECONDS


class _ClosedGently:
    """The transport, as long as the client is still sending: closed at once, it would be reset under the answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.transport.write(data)

    def is_closing(self) -> bool:
        return self._connection.transport.is_closing()

    def close(self) -> None:
        self._connection.close_gently()


def _origin_form(url: bytes) -> bytes:
    """`http://host/path?query` as a proxy writes it, or the `*` of OPTIONS, without what names no resource here."""
    if url == b"*":
        return b"/"
    if not url.lower().startswith((b"http://", b"https://")):
        raise refusals.malformed()
    parsed = httptools.parse_url(url)
    query = b"?" + parsed.query if parsed.query else b""
    return (parsed.path or b"/") + query
