"""A ledger on a test's database, and transfers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.session import Session
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import BusinessTime
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger import Ledger
from nostro.ledger.books import open_book
from nostro.system import SystemClock, SystemEntropy

BOOK = 1
NOW = 1_900_000_000_000


class SetClock(SystemClock):
    """Business time as a test sets it; system time is real."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def business(self) -> BusinessTime:
        return BusinessTime(self.now)


@asynccontextmanager
async def a_ledger(
    urls: ConnectionUrls, clock: SystemClock | None = None, through: str | None = None
) -> AsyncIterator[Ledger]:
    """Over a committer of its own, which connects by `through` if given."""
    pool, entropy, clock = Pool(urls.app), SystemEntropy(), clock or SystemClock()
    await open_book(pool, BOOK)
    committer = Committer(BOOK, lambda: Session.open(through or urls.app), clock, entropy)
    try:
        yield Ledger(BOOK, committer, pool, clock, entropy)
    finally:
        await committer.close()
        await pool.close()


def single(ledger: Ledger, debit: str, credit: str, amount: Any, **more: Any) -> Transfer:
    return made(ledger, Kind.SINGLE, debit, credit, amount, **more)


def made(ledger: Ledger, kind: Kind, debit: str, credit: str, amount: Any, **more: Any) -> Transfer:
    fields = {"currency": "usd", "code": "test", "subject": "s", **more}
    return Transfer(ledger.new_transfer_id(), kind, debit, credit, amount, **fields)
