"""Facts about a database for `nostro doctor`: read, never changed."""

from __future__ import annotations

from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection

from nostro.db import roles
from nostro.db.durability import assert_durable
from nostro.db.errors import UnsafeDurability
from nostro.db.migrate import MIGRATIONS, read
from nostro.db.reach import connect
from nostro.db.snapshot import snapshot
from nostro.verification import catalogue


class Examination(NamedTuple):
    """What was found. `unsafe` is None if commits are durable; differences of clocks in milliseconds."""

    version: int
    unsafe: str | None
    missing_migrations: tuple[str, ...]
    changed_migrations: tuple[str, ...]
    separate_roles: bool
    clock_ms: int
    alarms: tuple[str, ...] = ()  # open ones, oldest first
    overdue: tuple[str, ...] = ()  # outcomes that are unknown for too long, oldest first
    altered: tuple[
        str, ...
    ] = ()  # what differs from the schema of this release, once it is migrated


async def examine(url: str) -> Examination:
    """Ask a server what `doctor` wants to know. Raises `UnreachableServer`."""
    async with await connect(url) as connection:
        applied = await _applied(connection)
        known = read(MIGRATIONS)
        missing = tuple(m.name for m in known if m.number not in applied)
        return Examination(
            connection.info.server_version // 10_000,
            await _unsafe(connection),
            missing,
            tuple(m.name for m in known if applied.get(m.number, m.sha256) != m.sha256),
            await _separate(connection),
            await _clock_ms(connection),
            await _alarms(connection, _OFF),
            await _alarms(connection, _OVERDUE),
            () if missing else await _altered(url),
        )


_OFF: LiteralString = (
    "SELECT format('%s of book %s, %s: %s: %s', id, book_id, kind, subject, detail)"
    " FROM nostro.alarms WHERE kind <> 'overdue' ORDER BY raised_ms, book_id, id LIMIT 20"
)
_OVERDUE: LiteralString = (
    "SELECT format('%s of book %s, %s', subject, book_id, detail)"
    " FROM nostro.alarms WHERE kind = 'overdue' ORDER BY raised_ms, book_id, id LIMIT 20"
)


async def _alarms(connection: AsyncConnection[Any], statement: LiteralString) -> tuple[str, ...]:
    found = await connection.execute("SELECT to_regclass('nostro.alarms') IS NULL")
    if await found.fetchone() == (True,):
        return ()
    rows = await connection.execute(statement)
    return tuple(text for (text,) in await rows.fetchall())


async def _altered(url: str) -> tuple[str, ...]:
    async with snapshot(url) as frozen:
        found = catalogue.compare(await catalogue.read(frozen), catalogue.expected())
    return tuple(f"{finding.subject}: {finding.detail}" for finding in found.result.findings)


async def _unsafe(connection: AsyncConnection[Any]) -> str | None:
    try:
        await assert_durable(connection)
    except UnsafeDurability as error:
        return str(error)
    return None


async def _applied(connection: AsyncConnection[Any]) -> dict[int, str]:
    found = await connection.execute("SELECT to_regclass('nostro.migrations') IS NULL")
    if await found.fetchone() == (True,):
        return {}
    rows = await connection.execute("SELECT number, sha256 FROM nostro.migrations")
    return {number: sha256 for number, sha256 in await rows.fetchall()}


async def _separate(connection: AsyncConnection[Any]) -> bool:
    """Whether we are the application's own role, which may not alter the ledger."""
    role = connection.info.user
    asked = await connection.execute(
        "SELECT has_table_privilege(to_regclass('nostro.transfers'), 'UPDATE')"
    )
    return role == roles.APP and await asked.fetchone() != (True,)


async def _clock_ms(connection: AsyncConnection[Any]) -> int:
    asked = await connection.execute(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    )
    row = await asked.fetchone()
    assert row is not None
    return int(row[0])
