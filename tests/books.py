"""A database with a test and a live book, opened as a process of ours opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.session import Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.events.emit import Origin, emit
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.queries import load
from nostro.system import SystemClock, SystemEntropy

BOOK, LIVE_BOOK = 1, 2
ACCOUNT = "acct_1"
CLOCK, ENTROPY = SystemClock(), SystemEntropy()


@dataclass
class Books:
    """Committers and a pool on one database."""

    urls: ConnectionUrls
    pool: Pool
    committers: dict[int, Committer]

    def decider(self, book: int) -> Committer:
        return self.committers[book]

    async def run(self, command: Any) -> Any:
        return await self.committers[command.book].run(command)

    async def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return await self.pool.fetch(statement, *parameters)

    async def happen(self, *types: str, account: str = ACCOUNT) -> None:
        await self.run(Happening(BOOK, ENTROPY.bytes(16), account, types))


class Happening(msgspec.Struct, frozen=True):
    """Something happened: events alone."""

    book: int
    seed: bytes
    account: str
    types: tuple[str, ...]

    def reads(self) -> Reads:
        return Reads()

    def decide(self, view: View) -> Decision[None]:
        origin = Origin(self.account, live=False)
        return Decision(None, [emit(view, origin, type, '{"object":"x"}') for type in self.types])


@asynccontextmanager
async def books_on(urls: ConnectionUrls) -> AsyncIterator[Books]:
    """Open both books."""
    session = await Session.open(urls.app)
    for book in (BOOK, LIVE_BOOK):
        named = f"INSERT INTO nostro.books VALUES ({book}, {book == LIVE_BOOK}, 'b{book}', 0)"
        await session.run(
            [
                Statement(named + " ON CONFLICT DO NOTHING"),
                Statement(load("nostro.ledger")["open_book"], (book,)),
            ]
        )
    await session.close()

    async def connect() -> Session:
        return await Session.open(urls.app)

    pool = Pool(urls.app)
    committers = {book: Committer(book, connect, CLOCK, ENTROPY) for book in (BOOK, LIVE_BOOK)}
    try:
        yield Books(urls, pool, committers)
    finally:
        for committer in committers.values():
            await committer.close()
        await pool.close()
