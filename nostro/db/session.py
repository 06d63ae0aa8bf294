"""One connection to PostgreSQL that sends several statements in one round trip.

The only place, with `pool`, that speaks to the driver. A lost connection is `ConnectionLost`; what PostgreSQL refused
is `Refused` with its SQLSTATE. Nothing is ever retried here: a retried COMMIT may pay twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.adapt import Loader
from psycopg.pq import TransactionStatus


class Statement(NamedTuple):
    """A statement and its parameters."""

    text: LiteralString
    parameters: Sequence[Any] = ()


class Result(NamedTuple):
    """Rows (empty for a plain write) and the command tag."""

    rows: list[tuple[Any, ...]]
    tag: str


class ConnectionLost(Exception):
    """The connection ended: what was under way may or may not have happened."""


class Refused(Exception):
    """PostgreSQL refused a statement; `sqlstate` says why. The transaction is over."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


class Session:
    """A connection in autocommit mode; transactions are statements of the caller's."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> Session:
        """Connect. Raises ConnectionLost when the server cannot be reached or refuses us."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, autocommit=True, cursor_factory=psycopg.AsyncRawCursor
            )
        except psycopg.OperationalError as error:
            raise ConnectionLost(str(error)) from error
        connection.prepare_threshold = 0
        connection.adapters.register_loader("jsonb", _Text)
        return cls(connection)

    async def run(self, statements: Sequence[Statement]) -> list[Result]:
        """Send all statements at once and return their results in order."""
        try:
            async with self._connection.pipeline():
                cursors = [
                    await self._connection.execute(s.text, s.parameters) for s in statements
                ]
        except psycopg.Error as error:
            await self._forsake(error)
        return [await self._result(cursor) for cursor in cursors]

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()

    @property
    def closed(self) -> bool:
        """Whether the connection is known to have ended."""
        return self._connection.closed

    async def _result(self, cursor: psycopg.AsyncCursor[tuple[Any, ...]]) -> Result:
        rows = await cursor.fetchall() if cursor.description else []
        return Result(rows, cursor.statusmessage or "")

    async def _forsake(self, error: psycopg.Error) -> None:
        """Leave no transaction open behind an error, and say what it was."""
        if error.sqlstate is None or self._connection.closed:
            await self._connection.close()
            raise ConnectionLost(str(error)) from error
        if self._connection.info.transaction_status != TransactionStatus.IDLE:
            try:
                await self._connection.execute("ROLLBACK")
            except psycopg.Error:
                await self._connection.close()
        raise Refused(error.sqlstate, str(error)) from error


class _Text(Loader):
    """JSON stays text: the rooms' own decoders know its type."""

    def load(self, data: Any) -> str:
        return bytes(data).decode()
