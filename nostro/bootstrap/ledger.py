"""Opens a ledger and nothing else: a database, its schema, one book."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nostro.db import roles
from nostro.db.committer import Committer
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.migrate import migrate
from nostro.db.pool import Pool
from nostro.db.session import Session
from nostro.kernel.errors import Misconfigured
from nostro.ledger.books import open_book
from nostro.ledger.library import Ledger
from nostro.system import SystemClock, SystemEntropy

FIRST_BOOK = 3  # 1 and 2 are those of card payments, should they come to the same database
LAST_BOOK = 65_535


@asynccontextmanager
async def open_ledger(
    database_url: str | None = None, *, data_dir: str | Path | None = None, book: int = FIRST_BOOK
) -> AsyncIterator[Ledger]:
    """A book of the database at a URL (PostgreSQL 15 or newer), or of one of its own in a directory.

    The URL is the owner's: the schema is brought up to date, and roles are made if they may be. Several programs may open
    the same book by URL; a directory belongs to one at a time. The book is not registered with card payments: neither the
    worker nor `nostro verify` looks at it, unless it is asked for by number: `nostro verify --full --book 3`.
    Raises Misconfigured or one of `nostro.db.errors`.
    """
    if (database_url is None) == (data_dir is None):
        raise Misconfigured("give open_ledger either a database_url or a data_dir")
    if isinstance(book, bool) or not isinstance(book, int) or not 1 <= book <= LAST_BOOK:
        raise Misconfigured(f"a book is a number from 1 to {LAST_BOOK}")
    async with AsyncExitStack() as stack:
        url = await _database(stack, database_url, data_dir)
        pool, clock, entropy = Pool(url), SystemClock(), SystemEntropy()
        stack.push_async_callback(pool.close)
        await open_book(pool, book)
        committer = Committer(book, lambda: Session.open(url), clock, entropy)
        stack.push_async_callback(committer.close)
        yield Ledger(book, committer, pool, clock, entropy)


async def _database(stack: AsyncExitStack, url: str | None, data_dir: str | Path | None) -> str:
    """Where the application's role finds the database, up to date."""
    if url is not None:
        urls = await roles.ensure(url)
    else:
        server = EmbeddedPostgres(Path(data_dir or "") / "postgres")
        urls = await server.start()
        stack.push_async_callback(server.stop)
    await migrate(urls.owner)
    return urls.app
