"""Brings a database's schema up to date, one numbered SQL file at a time.

Files are `NNNN_pre_name.sql` (run before a release's processes start) and `NNNN_post_name.sql`
(run when the previous release is gone). Each runs in its own transaction, under a lock timeout so
that waiting for a table cannot stop payments, and is recorded with its SHA-256.

A file whose first line is `-- outside a transaction` holds one statement, such as
`CREATE INDEX CONCURRENTLY IF NOT EXISTS`, and must be safe to run twice.

Does not: roll back. A mistake is mended by the next migration.
"""

import asyncio
import hashlib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from psycopg import AsyncConnection, sql
from psycopg.errors import LockNotAvailable

from nostro.db import roles
from nostro.db.durability import assert_supported
from nostro.db.errors import MigrationChanged, MigrationError, MigrationMisnamed

Phase = Literal["pre", "post"]
MIGRATIONS = Path(__file__).with_name("migrations")
LOCK_TIMEOUT_MS = 3_000
LOCK_ATTEMPTS = 5
POLL_SECONDS = 0.05
# "nostro" in ASCII: the same number in every release, so that two releases exclude each other.
ADVISORY_LOCK = 0x6E6F7374726F
OUTSIDE = "-- outside a transaction"
FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
OUR_ROLES = re.compile(rf"\b({roles.APP}|{roles.READ_ONLY})\b")
RECORD_TABLE = """
CREATE SCHEMA IF NOT EXISTS nostro;
CREATE TABLE IF NOT EXISTS nostro.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL
);
"""


@dataclass(frozen=True)
class Migration:
    """One file: its number, phase, name and text."""

    number: int
    phase: Phase
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The fingerprint recorded when the migration is applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """False for the few statements PostgreSQL refuses inside a transaction block."""
        return not self.text.startswith(OUTSIDE)


async def migrate(
    owner_url: str, directory: Path = MIGRATIONS, phase: Phase | None = None
) -> tuple[str, ...]:
    """Apply what is missing, in order, and return the names applied; nothing if up to date.

    Safe to call from many processes at once: one works, the others wait and find it done.
    Raises `MigrationChanged` before touching anything if an applied file was edited.
    """
    migrations = read(directory)
    async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
        assert_supported(connection)
        await _take_turn(connection)
        return await _apply_missing(connection, migrations, phase)


def migrate_blocking(
    owner_url: str, directory: Path = MIGRATIONS, phase: Phase | None = None
) -> tuple[str, ...]:
    """`migrate` for a program that has no event loop running."""
    return asyncio.run(migrate(owner_url, directory, phase))


def read(directory: Path) -> tuple[Migration, ...]:
    """Every migration in a directory by number; a stray or twice used number is an error."""
    found = sorted((_read_one(path) for path in directory.glob("*.sql")), key=lambda m: m.number)
    for before, after in itertools.pairwise(found):
        if before.number == after.number:
            raise MigrationMisnamed(f"{before.name} and {after.name} share a number: rename one.")
    return tuple(found)


def _read_one(path: Path) -> Migration:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise MigrationMisnamed(f"{path.name} is not NNNN_pre_name.sql or NNNN_post_name.sql.")
    phase: Phase = "pre" if match["phase"] == "pre" else "post"
    return Migration(int(match["number"]), phase, path.stem, path.read_text("utf-8"))


async def _take_turn(connection: AsyncConnection[Any]) -> None:
    # Asked again and again rather than waited for: a waiting statement holds a snapshot, and
    # CREATE INDEX CONCURRENTLY in the process whose turn it is would wait for that one.
    while not await _value(connection, f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})"):
        await asyncio.sleep(POLL_SECONDS)


async def _apply_missing(
    connection: AsyncConnection[Any], migrations: Iterable[Migration], phase: Phase | None
) -> tuple[str, ...]:
    if await _value(connection, "SELECT to_regclass('nostro.migrations') IS NULL"):
        await connection.execute(RECORD_TABLE)
    missing = _missing(migrations, await _applied(connection), phase)
    substitute = await _substitute_role(connection)
    for migration in missing:
        await _apply_patiently(connection, migration, substitute)
    return tuple(migration.name for migration in missing)


async def _applied(connection: AsyncConnection[Any]) -> dict[int, str]:
    cursor = await connection.execute("SELECT number, sha256 FROM nostro.migrations")
    return {number: sha256 for number, sha256 in await cursor.fetchall()}


def _missing(
    migrations: Iterable[Migration], applied: dict[int, str], phase: Phase | None
) -> tuple[Migration, ...]:
    # Numbers recorded there and unknown here are fine: that is the previous release running on
    # the schema of the next one.
    missing: list[Migration] = []
    for migration in migrations:
        if migration.number not in applied:
            missing.append(migration)
        elif applied[migration.number] != migration.sha256:
            raise MigrationChanged(
                f"{migration.name} was edited after it was applied: restore the file, and put the "
                "change into a new migration."
            )
    return _of_phase(missing, phase)


def _of_phase(missing: list[Migration], phase: Phase | None) -> tuple[Migration, ...]:
    if phase == "post" and missing:
        last_post = max((m.number for m in missing if m.phase == "post"), default=-1)
        for migration in missing:
            if migration.phase == "pre" and migration.number < last_post:
                raise MigrationError(f"{migration.name} comes first: run the pre phase before.")
    return tuple(m for m in missing if phase in (None, m.phase))


async def _substitute_role(connection: AsyncConnection[Any]) -> str | None:
    """The role to grant to in place of ours, where ours do not exist on this server."""
    query = "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)"
    cursor = await connection.execute(query, [[roles.APP, roles.READ_ONLY]])
    row = await cursor.fetchone()
    if row == (2,):
        return None
    return str(await _value(connection, "SELECT quote_ident(current_user)"))


async def _apply_patiently(
    connection: AsyncConnection[Any], migration: Migration, substitute: str | None
) -> None:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            return await _apply(connection, migration, substitute)
        except LockNotAvailable as busy:
            if attempt == LOCK_ATTEMPTS:
                raise MigrationError(f"{migration.name}: a table stayed locked: {busy}") from busy
            await asyncio.sleep(POLL_SECONDS * 2**attempt)


async def _apply(
    connection: AsyncConnection[Any], migration: Migration, substitute: str | None
) -> None:
    text = OUR_ROLES.sub(lambda _: substitute, migration.text) if substitute else migration.text
    await connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    if migration.in_transaction:
        async with connection.transaction():
            await connection.execute(text)
            await _record(connection, migration)
    else:
        await connection.execute(text)
        await _record(connection, migration)


async def _record(connection: AsyncConnection[Any], migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO nostro.migrations (number, name, sha256) VALUES (%s, %s, %s)",
        [migration.number, migration.name, migration.sha256],
    )


async def _value(connection: AsyncConnection[Any], query: str) -> Any:
    row = await (await connection.execute(sql.SQL(query))).fetchone()
    return row[0] if row else None
