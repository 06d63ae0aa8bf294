"""A body that was cut off is refused, and nothing is done.

A connection that ends inside a body looks to the framework like the end of the body: `amount=1000` of an
`amount=100000` would be charged. The ASGI server says which of the two it was, and this passes it on.
"""

from __future__ import annotations

from typing import Any

from nostro.api.errors import ApiError, invalid_request


def cut_off() -> ApiError:
    """The connection ended before the request did."""
    return invalid_request("The connection ended before the request did; nothing was done.")


def whole_or_refused(receive: Any) -> Any:
    """The ASGI `receive` of a request, which raises ApiError when the client goes before its body has ended."""
    ended = False

    async def watched() -> Any:
        nonlocal ended
        event = await receive()
        if event["type"] == "http.disconnect" and not ended:
            raise cut_off()
        ended = ended or not event.get("more_body", False)
        return event

    return watched
