"""One REPEATABLE READ, READ ONLY transaction: what a long read needs to see an unmoving book.

Opened as the role that may only read. It holds no lock that a payment would wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

from nostro.db.session import ConnectionLost, Refused, Session, Statement
from nostro.kernel.errors import DatabaseUnavailable

BEGIN: tuple[LiteralString, ...] = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL search_path = pg_catalog, pg_temp",  # whatever the role's has been made
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
)
# Whole sets are joined: hashes and sorts get room, and one look-up per row is never the plan, not even
# where a table has no statistics yet.
WHOLE_SETS: tuple[LiteralString, ...] = (
    "SET LOCAL work_mem = '192MB'",
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL enable_seqscan = on",
    "SET LOCAL enable_hashjoin = on",
    "SET LOCAL enable_mergejoin = on",
    "SET LOCAL plan_cache_mode = auto",
    "SET LOCAL jit = off",
    "SET LOCAL cursor_tuple_fraction = 1",
)
PIECE_ROWS = 20_000


class DatabaseSnapshot:
    """Reads within one transaction. Raises DatabaseUnavailable when the connection ends or refuses."""

    def __init__(self, session: Session) -> None:
        self._session, self._cursors = session, 0
        self._one_at_a_time = asyncio.Lock()

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one read."""
        async with self._one_at_a_time:
            try:
                return (await self._session.run([Statement(statement, parameters)]))[0].rows
            except (ConnectionLost, Refused) as error:
                raise DatabaseUnavailable(str(error)) from error

    async def stream(
        self, statement: LiteralString, *parameters: Any
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The rows of one read, piece by piece. The server makes the next piece while one is worked on."""
        self._cursors += 1
        name: LiteralString = _numbered("stream_", self._cursors)
        await self.fetch(f"DECLARE {name} NO SCROLL CURSOR FOR {statement}", *parameters)
        more: LiteralString = f"FETCH {_numbered('', PIECE_ROWS)} FROM {name}"
        rows = await self.fetch(more)
        while len(rows) == PIECE_ROWS:
            ahead = asyncio.ensure_future(self.fetch(more))
            try:
                await asyncio.sleep(0)  # it is sent now
                yield rows
                rows = await ahead
            finally:
                ahead.cancel()
        if rows:
            yield rows


def _numbered(name: LiteralString, number: int) -> LiteralString:
    return f"{name}{number}"  # a number is no text of anybody else's


@asynccontextmanager
async def snapshot(url: str, by_key: bool = False) -> AsyncIterator[DatabaseSnapshot]:
    """A snapshot of the database at `url`, fixed by the first read. Raises DatabaseUnavailable.

    `by_key`: rows are found by key, page after page, as everywhere but in verification; else whole sets are joined.
    """
    try:
        session = await Session.open(url)
        settings = BEGIN if by_key else BEGIN + WHOLE_SETS
        await session.run([Statement(setting) for setting in settings])
    except (ConnectionLost, Refused) as error:
        raise DatabaseUnavailable(str(error)) from error
    try:
        yield DatabaseSnapshot(session)
    finally:
        await session.close()
