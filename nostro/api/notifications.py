"""/nostro/v1/notifications/{acquirer}: what an acquirer posts, taken as bytes, since the bytes are what is signed."""

from __future__ import annotations

from typing import Any, Protocol

from falcon.asgi import Request

from nostro.acquirers.sandbox_notices import HEADER
from nostro.api import errors
from nostro.api.errors import ApiError
from nostro.api.whole_body import cut_off
from nostro.notifications.service import BODY_BYTES_MAX, Received


class Found(Protocol):
    """Where the services are, once they are open."""

    services: Any


class Door:
    """Lets a notification in, or says why not."""

    def __init__(self, holder: Found) -> None:
        self._holder = holder

    async def take(self, request: Request, acquirer: str) -> ApiError | None:
        """None when it is kept; else what to answer. Raises what keeping it raises."""
        body = await request.stream.read(BODY_BYTES_MAX + 1)
        length = request.content_length
        if length is not None and len(body) < min(length, BODY_BYTES_MAX):
            return cut_off()
        if len(body) > BODY_BYTES_MAX:
            return errors.invalid_request("A notification has 65,536 bytes at most.")
        signature = request.get_header(HEADER) or ""
        match await self._holder.services.inbox.receive(acquirer, signature, body):
            case Received.WELL:
                return None
            case Received.FORGED:
                return errors.invalid_request("The signature does not fit, or is not of now.")
            case Received.AGAIN:
                return errors.unavailable()
            case _:
                return errors.unknown_url(request.method, request.path)
