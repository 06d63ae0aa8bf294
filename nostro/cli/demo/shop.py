"""A shop's side of the API: the least client that can be read in one sitting. The official SDKs do the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from nostro.kernel.errors import NostroError
from nostro.kernel.secret import Secret

TIMEOUT = aiohttp.ClientTimeout(total=30)
POLL_SECONDS = 0.1
Body = dict[str, Any]


class DemoFailed(NostroError):
    """The demonstration did not see what it should have."""


class Shop:
    """Requests with one secret key, and a look into the sandbox acquirer, which is its owner's own program."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, key: Secret, sandbox_url: str
    ) -> None:
        self._http, self._url, self._sandbox_url = http, url, sandbox_url
        self._auth = aiohttp.BasicAuth(key.reveal(), "")

    async def post(self, path: str, form: Mapping[str, Any], expected: int = 200) -> Body:
        """POST a form to the API. Raises DemoFailed on another status."""
        fields = {name: str(value) for name, value in form.items()}
        async with self._http.post(self._url + path, data=fields, auth=self._auth) as answer:
            return await _checked(answer, expected)

    async def get(self, path: str) -> Body:
        """GET from the API."""
        async with self._http.get(self._url + path, auth=self._auth) as answer:
            return await _checked(answer, 200)

    async def until(self, path: str, status: str, seconds: float = 20.0) -> Body:
        """GET until the object's status is `status`. Raises DemoFailed when it does not get there."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + seconds
        while loop.time() < give_up:
            found = await self.get(path)
            if found["status"] == status:
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise DemoFailed(f"{path} is {found['status']} after {seconds:.0f} s, not {status}")

    async def break_network(self) -> None:
        """Make the sandbox act on the next sale and drop the connection before it answers."""
        rule = {"fault": "reply_lost", "operation": "authorize", "count": 1}
        async with self._http.post(f"{self._sandbox_url}/control/faults", json=rule) as answer:
            await _checked(answer, answer.status if answer.status < 300 else 200)

    async def acquirer_book(self, account: str) -> list[Body]:
        """What the sandbox has written down for one merchant."""
        lines: list[Body] = []
        after, more = 0, True
        while more:
            url = f"{self._sandbox_url}/v1/book?after={after}&limit=10000"
            async with self._http.get(url) as answer:
                page = await _checked(answer, 200)
            lines += [line for line in page["operations"] if line["merchant"] == account]
            after, more = page["next_after"], page["has_more"]
        return lines


async def _checked(answer: aiohttp.ClientResponse, expected: int) -> Body:
    body: Body = await answer.json(content_type=None)
    if answer.status != expected:
        said = body.get("error", body) if isinstance(body, dict) else body
        raise DemoFailed(f"{answer.method} {answer.url.path} answered {answer.status}: {said}")
    return body
