"""The sandbox acquirer's own book, page by page, for whoever compares it with ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
import msgspec
from msgspec.structs import replace

from nostro.kernel.errors import Unavailable
from nostro.verification.acquirer_book import Line

PAGE = 10_000
PAGE_SECONDS = 30


class _Page(msgspec.Struct, frozen=True):
    """A page of `GET /v1/book`."""

    operations: list[Line]
    has_more: bool
    next_after: int


_decode = msgspec.json.Decoder(_Page).decode


async def books(acquirers: Mapping[str, str]) -> AsyncIterator[Sequence[Line]]:
    """The pages of several sandboxes, by name and URL. Raises Unavailable when one cannot be read."""
    for name, base_url in acquirers.items():
        async for page in pages(base_url):
            yield [replace(line, acquirer=name) for line in page]


async def pages(base_url: str, page: int = PAGE) -> AsyncIterator[Sequence[Line]]:
    """Every operation, in the order they were made. Raises Unavailable when the sandbox cannot be read."""
    timeout = aiohttp.ClientTimeout(total=PAGE_SECONDS)
    after, has_more = 0, True
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while has_more:
            found = await _page(http, f"{base_url}/v1/book?after={after}&limit={page}")
            yield found.operations
            after, has_more = found.next_after, found.has_more


async def _page(http: aiohttp.ClientSession, url: str) -> _Page:
    try:
        async with http.get(url) as response:
            if response.status != 200:
                raise Unavailable(f"the sandbox's book answered {response.status}")
            return _decode(await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
        raise Unavailable(f"the sandbox's book cannot be read: {error}") from error
