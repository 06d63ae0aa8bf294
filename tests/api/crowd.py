"""Many requests at once, on connections of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp

from tests.server import Response, Server

FORM = "application/x-www-form-urlencoded"


class Post(NamedTuple):
    """A POST of a form, written as it goes over the wire."""

    path: str
    form: str
    key: str | None = None


def at_once(server: Server, posts: Sequence[Post]) -> list[Response]:
    """The answers, in the order of the requests."""
    return asyncio.run(_all(server, posts))


async def _all(server: Server, posts: Sequence[Post]) -> list[Response]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return list(await asyncio.gather(*(_one(session, server, post) for post in posts)))


async def _one(session: aiohttp.ClientSession, server: Server, post: Post) -> Response:
    headers = {"Authorization": f"Bearer {server.secret_key}", "Content-Type": FORM}
    if post.key is not None:
        headers["Idempotency-Key"] = post.key
    async with session.post(server.url + post.path, data=post.form, headers=headers) as answer:
        got = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, got, await answer.read())
