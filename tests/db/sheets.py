"""Small commands on a real table and the ledger, and a committer to run them with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.db.committer import Committer
from nostro.db.session import Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.idempotency.model import Key
from nostro.idempotency.store import KEYS
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.posting import Kind, Transfer
from nostro.kernel.queries import load
from nostro.system import SystemClock, SystemEntropy

BOOK = 1
CLOCK, ENTROPY = SystemClock(), SystemEntropy()


def seed() -> bytes:
    return ENTROPY.bytes(16)


def row(key: str, answer: Any = "", endpoint: str = "e") -> Key:
    return Key(key, endpoint, b"f", "r", SystemTime(0), None, answer)


class Count(msgspec.Struct, frozen=True):
    """Add one to the number in a row; the answer is the number after."""

    key: str
    amount: int = 0  # moved from a to b as well, if above zero
    book: int = BOOK
    seed: bytes = msgspec.field(default_factory=seed)

    def reads(self) -> Reads:
        return Reads([(KEYS, self.key)], ("a", "b"))

    def decide(self, view: View) -> Decision[int]:
        old = view.get(KEYS, self.key)
        number = int(old.answer or "0") + 1 if old else 1
        new = replace(old, answer=str(number)) if old else row(self.key, str(number))
        transfers = [move(view, "a", "b", self.amount)] if self.amount else []
        return Decision(number, [(KEYS, new)], transfers)


def move(view: View, debit: str, credit: str, amount: Any, currency: str = "usd") -> Transfer:
    return Transfer(
        view.mint.transfer_id(), Kind.SINGLE, debit, credit, amount, currency, "test", "s"
    )


class Do(msgspec.Struct, frozen=True):
    """Whatever a test wants decided: rows, transfers as (debit, credit, amount[, currency]), deletes."""

    rows: Sequence[Any] = ()
    moves: Sequence[tuple[Any, ...]] = ()
    deletes: Sequence[str] = ()
    declared: Sequence[str] = ()
    error: Exception | None = None
    book: int = BOOK
    seed: bytes = msgspec.field(default_factory=seed)

    def reads(self) -> Reads:
        accounts = sorted({code for found in self.moves for code in found[:2]})
        return Reads([(KEYS, key) for key in self.declared], accounts)

    def decide(self, view: View) -> Decision[list[Key | None]]:
        if self.error is not None:
            raise self.error
        seen = [view.get(KEYS, key) for key in self.declared]
        transfers = [move(view, *found) for found in self.moves]
        rows = [(KEYS, found) for found in self.rows]
        return Decision(seen, rows, transfers, [(KEYS, key) for key in self.deletes])


@dataclass
class Sheet:
    """One committer of the book, and questions to the database behind it."""

    urls: ConnectionUrls
    committer: Committer

    async def together(self, *commands: Any, deadline_ms: int = 10_000) -> list[Any]:
        """Run commands in one batch; what raised is returned."""
        deadline = SystemTime(CLOCK.system() + deadline_ms)
        running = [self.committer.run(command, deadline) for command in commands]
        return await asyncio.gather(*running, return_exceptions=True)

    async def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return await ask(self.urls, statement, *parameters)

    async def keys(self) -> dict[str, str | None]:
        found = await self.rows("SELECT id, answer FROM nostro.idempotency_keys ORDER BY id")
        return dict(found)

    async def batches(self) -> int:
        return int((await self.rows("SELECT count(*) FROM nostro.batches"))[0][0])


async def ask(urls: ConnectionUrls, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    session = await Session.open(urls.app)
    try:
        return (await session.run([Statement(statement, parameters)]))[0].rows
    finally:
        await session.close()


@asynccontextmanager
async def sheet_on(urls: ConnectionUrls, through: str | None = None) -> AsyncIterator[Sheet]:
    """A committer on the book, connecting by `through` if given."""
    session = await Session.open(urls.app)
    await session.run([Statement(load("nostro.ledger")["open_book"], (BOOK,))])
    await session.close()
    committer = Committer(BOOK, lambda: Session.open(through or urls.app), CLOCK, ENTROPY)
    try:
        yield Sheet(urls, committer)
    finally:
        await committer.close()


async def conserved(urls: ConnectionUrls) -> None:
    """Counters are contiguous, sums are zero, and each account is the sum of its entries."""
    head = (
        await ask(urls, "SELECT next_batch, next_transfer, next_account FROM nostro.book_heads")
    )[0]
    batches = await ask(urls, "SELECT batch_no FROM nostro.batches ORDER BY 1")
    assert [found[0] for found in batches] == list(range(1, head[0]))
    transfers = await ask(urls, "SELECT seq FROM nostro.transfers ORDER BY 1")
    assert [found[0] for found in transfers] == list(range(1, head[1]))
    accounts = await ask(urls, "SELECT account_no FROM nostro.ledger_accounts ORDER BY 1")
    assert [found[0] for found in accounts] == list(range(1, head[2]))
    assert await ask(urls, _UNEXPLAINED) == []


_UNEXPLAINED = """
WITH s AS (
    SELECT
        account_no, count(*) AS n, max(version) AS v,
        coalesce(sum(posted) FILTER (WHERE side = 'd'), 0) AS dp,
        coalesce(sum(posted) FILTER (WHERE side = 'c'), 0) AS cp,
        coalesce(sum(pending) FILTER (WHERE side = 'd'), 0) AS dq,
        coalesce(sum(pending) FILTER (WHERE side = 'c'), 0) AS cq
    FROM nostro.entries GROUP BY account_no
)
SELECT a.code FROM nostro.ledger_accounts AS a LEFT JOIN s USING (account_no)
WHERE (a.version, a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending)
    IS DISTINCT FROM (
        coalesce(s.n, 0), coalesce(s.dp, 0), coalesce(s.cp, 0), coalesce(s.dq, 0), coalesce(s.cq, 0)
    ) OR s.v <> s.n
"""
