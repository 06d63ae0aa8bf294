"""Connections for reads without locks and for reference tables: few, bounded, opened when needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

from nostro.db.session import ConnectionLost, Refused, Session, Statement
from nostro.kernel.errors import DatabaseUnavailable

CONNECTIONS_MAX = 4
WAITING_MAX = 1_024
ANSWER_SECONDS_MAX = 10.0  # the server ends a statement of ours earlier: by then nobody is there
_FATAL_CLASSES = ("57", "08")


class Pool:
    """Runs single statements in autocommit mode. A read that meets a lost connection is tried once more."""

    def __init__(
        self,
        url: str,
        connections_max: int = CONNECTIONS_MAX,
        open_session: Callable[[str], Awaitable[Session]] = Session.open,
    ) -> None:
        self._url, self._open_session = url, open_session
        self._free: list[Session] = []
        self._slots = asyncio.Semaphore(connections_max)
        self._waiting = 0

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a read. Raises DatabaseUnavailable."""
        try:
            return await self._run(Statement(statement, parameters))
        except ConnectionLost:
            return await self._last_try(Statement(statement, parameters))

    async def write(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Write to a reference table. Never repeated here: the caller's statement is idempotent, or asks."""
        try:
            return await self._run(Statement(statement, parameters))
        except ConnectionLost as lost:
            raise DatabaseUnavailable(str(lost)) from lost

    async def announce(self, channel: LiteralString) -> None:
        """Tell every process that listens (PostgreSQL NOTIFY)."""
        await self.write("SELECT pg_notify($1::text, '')", channel)

    async def close(self) -> None:
        """Close what is free."""
        while self._free:
            await self._free.pop().close()

    async def _last_try(self, statement: Statement) -> list[tuple[Any, ...]]:
        try:
            return await self._run(statement)
        except ConnectionLost as lost:
            raise DatabaseUnavailable(str(lost)) from lost

    async def _run(self, statement: Statement) -> list[tuple[Any, ...]]:
        if self._waiting >= WAITING_MAX:
            raise DatabaseUnavailable("too many reads are waiting")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._on_a_session(statement)
        finally:
            self._waiting -= 1

    async def _on_a_session(self, statement: Statement) -> list[tuple[Any, ...]]:
        session = self._free.pop() if self._free else await self._open_session(self._url)
        try:
            rows = (await session.run([statement], ANSWER_SECONDS_MAX))[0].rows
        except ConnectionLost:
            await self.close()  # the others went the same way
            raise
        except Refused as refused:
            if refused.sqlstate.startswith(_FATAL_CLASSES):
                await session.close()
                raise ConnectionLost(str(refused)) from refused
            self._keep(session)
            raise
        except BaseException:
            await session.close()  # cancelled in the middle: its state is unknown
            raise
        self._keep(session)
        return rows

    def _keep(self, session: Session) -> None:
        if session.idle:
            self._free.append(session)
