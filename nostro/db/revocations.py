"""Listens for changes of keys and accounts, so that what a process remembers of them is forgotten at once."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import psycopg

CHANNEL = "nostro_keys"
_RETRY_SECONDS = 0.5
log = logging.getLogger(__name__)


class Remembering(Protocol):
    """Something that may remember look-ups only while this connection is alive."""

    may_remember: bool

    def forget(self) -> None: ...


async def listen(url: str, remembering: Remembering) -> None:
    """Run until cancelled: while connected, look-ups may be remembered; each notice makes them forgotten."""
    while True:
        try:
            await _listen_once(url, remembering)
        except (psycopg.Error, OSError) as error:
            log.info("not listening for revocations: %s", error)
        remembering.may_remember = False
        remembering.forget()
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_once(url: str, remembering: Remembering) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        remembering.may_remember = True
        async for _ in connection.notifies():
            remembering.forget()
