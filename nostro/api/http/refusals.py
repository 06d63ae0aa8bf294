"""What is refused before it is a request of the application's, and how it looks on the wire."""

from __future__ import annotations

from collections.abc import Iterable

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from nostro.api import errors
from nostro.api.errors import RETRY, ApiError, invalid_request
from nostro.api.http import limits

_encode = msgspec.json.Encoder().encode


def malformed() -> ApiError:
    """Not HTTP/1.1, or framed in a way that two readers could read differently."""
    return invalid_request("This is not a valid HTTP/1.1 request; nothing was done.")


def url_too_long() -> ApiError:
    """The URL is longer than `URL_BYTES_MAX`."""
    return invalid_request(f"The URL is longer than {limits.URL_BYTES_MAX} bytes.", status=414)


def head_too_large() -> ApiError:
    """The headers, or the trailers, are more or larger than they may be."""
    return invalid_request(
        f"The headers are more than {limits.HEADERS_MAX}, or larger than {limits.HEAD_BYTES_MAX} bytes.",
        status=431,
    )


def ambiguous_framing() -> ApiError:
    """How long the body is cannot be told, or not by everyone alike."""
    return invalid_request("A body is framed by Content-Length or by chunked coding alone.")


def no_upgrade() -> ApiError:
    """An upgrade is offered by a request with a body, which would be lost."""
    return invalid_request("This server speaks HTTP/1.1 only: send the request without Upgrade.")


def too_slow() -> ApiError:
    """The rest of the request did not come in time; it may be sent again."""
    return ApiError(
        408,
        errors.INVALID_REQUEST,
        "The request did not arrive in time; nothing was done.",
        headers=RETRY,
    )


def reason(error: httptools.HttpParserError) -> ApiError:
    """Why parsing ended: what one of our callbacks refused, else the bytes themselves."""
    cause = error.__context__
    return cause if isinstance(cause, ApiError) else malformed()


def answer(error: ApiError, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The whole response, after which the connection is closed."""
    body = _encode(errors.to_body(error))
    lines = [
        *headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
    ]
    head = b"".join(b"%s: %s\r\n" % line for line in lines)
    return STATUS_LINE[error.status] + head + b"\r\n" + body
