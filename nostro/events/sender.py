"""Sends webhooks over HTTP to addresses that were judged just before connecting.

The host is resolved once per connection and the very addresses that passed are connected to, under the host's own name
for TLS and HTTP. No redirects, no proxy, no cookies; an answer is read up to a limit and within a deadline.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from nostro.events.targets import Policy, address_refusal, url_refusal
from nostro.kernel.ports import SendFailed

ANSWER_BYTES_MAX = 64 * 1024
DEADLINE_MS = 10_000
CONNECTIONS_MAX = 512
PER_HOST_MAX = 32
KEPT_ALIVE_S = 15


class AddressRefused(Exception):
    """A host has an address that may not be connected to."""


class JudgingResolver(AbstractResolver):
    """Resolves a host and refuses it if any of its addresses is not allowed."""

    def __init__(self, policy: Policy, resolver: AbstractResolver | None = None) -> None:
        self._policy, self._resolver = policy, resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses that passed. One bad address spoils the name: mixed answers are an attack."""
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            refusal = address_refusal(result["host"], self._policy)
            if refusal is not None:
                raise AddressRefused(refusal)
        return found

    async def close(self) -> None:
        """Close what resolves."""
        await self._resolver.close()


def judging_sockets(policy: Policy) -> Callable[[AddrInfoType], socket.socket]:
    """Makes sockets for allowed addresses only: the last word, whatever way the address was found."""

    def make(target: AddrInfoType) -> socket.socket:
        refusal = address_refusal(str(target[4][0]), policy)
        if refusal is not None:
            raise AddressRefused(refusal)
        return socket.socket(target[0], target[1], target[2])

    return make


class WebhookSender:
    """The `HttpSender` under one policy; test and live books have one each."""

    def __init__(
        self,
        policy: Policy,
        deadline_ms: int = DEADLINE_MS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.policy = policy
        self._timeout = aiohttp.ClientTimeout(total=deadline_ms / 1_000)
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, a redirect's too. Raises SendFailed."""
        refusal = url_refusal(url, self.policy)
        if refusal is not None:
            raise SendFailed(refusal)
        try:
            return await self._post_again_if_stale(URL(url), body, headers)
        except AddressRefused as error:
            raise SendFailed(str(error)) from error
        except TimeoutError as error:
            raise SendFailed("no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SendFailed(f"{type(error).__name__}: {error}"[:200]) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def _post_again_if_stale(self, url: URL, body: bytes, headers: Mapping[str, str]) -> int:
        """A connection kept alive may be gone; a webhook may come twice, so it is sent once more."""
        try:
            return await self._post(url, body, headers)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            return await self._post(url, body, headers)

    async def _post(self, url: URL, body: bytes, headers: Mapping[str, str]) -> int:
        async with self._http().post(
            url, data=body, headers=headers, allow_redirects=False
        ) as response:
            left = ANSWER_BYTES_MAX
            while left > 0 and (part := await response.content.read(left)):
                left -= len(part)
            if left <= 0:
                response.close()
            return response.status

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX, limit_per_host=PER_HOST_MAX, use_dns_cache=False,
                resolver=JudgingResolver(self.policy, self._resolver),
                socket_factory=judging_sockets(self.policy),
                keepalive_timeout=KEPT_ALIVE_S,
            )  # fmt: skip
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
                skip_auto_headers=("Accept-Encoding", "User-Agent"),
            )  # fmt: skip
        return self._session
