"""Notifications: the outcome of each operation, POSTed and signed, again and again until it is taken.

A notification's body is the answer that an inquiry would give, with an `id` of its own. It is signed
as webhooks are (`nostro/wire/webhook_signature.py`).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from nostro.wire.webhook_signature import sign
from sandbox.answers import encode, operation_body
from sandbox.book import Book
from sandbox.identity import Identity
from sandbox.journal import journal
from sandbox.model import Operation

if TYPE_CHECKING:
    import aiohttp

_FIRST_REST_S, _LONGEST_REST_S = 0.05, 5.0
_POST_S = 5.0


def http_errors() -> type[Exception]:
    """What aiohttp raises for a request that came to nothing."""
    from aiohttp import ClientError

    return ClientError


@dataclass(frozen=True)
class Notify:
    """Where notifications go, and the secret they are signed with."""

    url: str
    secret: str

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Notify({self.url})"


class Notices:
    """Tells of every operation in the book, in order, and remembers there what was told."""

    def __init__(self, book: Book, identity: Identity, notify: Notify) -> None:
        """Must be made on the event loop's thread, which is the book's."""
        self._book, self._identity, self._notify = book, identity, notify
        self._news = asyncio.Event()
        self._is_holding = False
        self._task = asyncio.ensure_future(self._run())

    def tell(self) -> None:
        """There is something new in the book."""
        self._news.set()

    def hold(self, on: bool) -> None:
        """Withhold notifications until further notice."""
        self._is_holding = on
        self._news.set()

    async def close(self) -> None:
        """Stop; what was not taken is sent again after the next start."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        import aiohttp  # 10 MB that a sandbox without notifications does without

        rest = _FIRST_REST_S
        async with aiohttp.ClientSession() as http:
            while True:
                self._news.clear()
                if await self._round(http):
                    rest = _FIRST_REST_S
                    continue
                try:
                    await asyncio.wait_for(self._news.wait(), rest)
                except TimeoutError:
                    rest = min(_LONGEST_REST_S, rest * 2)

    async def _round(self, http: aiohttp.ClientSession) -> bool:
        """Send what is due; whether anything was taken."""
        taken = False
        for operation in [] if self._is_holding else self._book.not_notified():
            if not await self._send(http, operation):
                break
            self._book.mark_notified(operation.seq)
            taken = True
        return taken

    async def _send(self, http: aiohttp.ClientSession, operation: Operation) -> bool:
        shown = msgspec.to_builtins(operation_body(operation, self._identity))
        name = self._identity.acquirer_reference(operation.seq)
        body = encode({"id": f"ntf_{name}", **shown})
        now = time.time_ns() // 1_000_000_000
        headers = {
            "Content-Type": "application/json",
            "Nostro-Acquirer-Signature": sign(body, [self._notify.secret], now),
        }
        try:
            async with (
                asyncio.timeout(_POST_S),
                http.post(self._notify.url, data=body, headers=headers) as answer,
            ):
                return 200 <= answer.status < 300
        except (http_errors(), TimeoutError, OSError) as error:
            journal("notification_failed", error=repr(error))
            return False
