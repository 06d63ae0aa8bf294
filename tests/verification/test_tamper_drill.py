"""The tamper drill: as a superuser without any constraint, change each column of each table of both rooms, and rows as a
whole. The full audit finds each, by the check that is registered for it, and names the row."""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest

from nostro.cli.verify import Held, reports_of
from nostro.db.migrate import MIGRATIONS
from nostro.db.session import Session, Statement
from nostro.db.snapshot import DatabaseSnapshot, snapshot
from nostro.db.urls import ConnectionUrls, with_database
from nostro.system import SystemClock
from nostro.verification.checks import CHECKS, FULL_CHECKS
from nostro.verification.full import QUERIES, audit
from nostro.verification.guards import GUARDS
from nostro.verification.outside import Outside
from nostro.verification.report import Anchored, Report, to_text
from tests.architecture import sql_rooms
from tests.database import TestServer
from tests.sandbox.process import SandboxProcess
from tests.verification.conftest import driving
from tests.verification.driver import BOOK, Driver, open_book
from tests.verification.whole_book import Ledger, Log, WholeBook, first_part, second_part

Part = Callable[[Driver, ConnectionUrls, Log], Awaitable[None]]
ROOMS = ("ledger", "audit")
OTHER = {
    "bigint": "{c} + 1", "integer": "{c} + 1", "text": "{c} || 'x'", "boolean": "NOT {c}",
    "bytea": "set_byte({c}, 0, get_byte({c}, 0) # 1)", "date": "{c} + 1",
    "uuid": "md5({c}::text)::uuid",
}  # fmt: skip
# What encodes like NULL, or nearly.
NOUGHT = {
    "bigint": "0", "integer": "0", "text": "''", "boolean": "false", "date": "'1970-01-01'",
    "bytea": r"decode(repeat('00', 32), 'hex')",
    "uuid": "'00000000-0000-0000-0000-000000000000'",
}  # fmt: skip


class Table(NamedTuple):
    """A table of the two rooms: its key without the book, and the types of its columns."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]


@pytest.fixture(scope="module")
def whole(
    postgres: TestServer, sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeBook]:
    urls, base = postgres.create(), f"http://127.0.0.1:{sandbox.port}"
    log = Log(tmp_path_factory.mktemp("outside"))
    asyncio.run(_part(urls, base, first_part, log))
    truncated, forked = postgres.copy(urls), postgres.copy(urls)
    forked_from = asyncio.run(_batches(urls))
    asyncio.run(_part(urls, base, second_part, log))
    asyncio.run(_part(forked, base, _other_history, log))
    name = str(psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"])
    superuser = with_database(postgres.admin_url, name)
    yield WholeBook(urls, superuser, log, truncated, forked, forked_from)
    for database in (urls, truncated, forked):
        postgres.drop(database)


async def _part(urls: ConnectionUrls, base: str, part: Part, log: Log) -> None:
    await open_book(urls.owner)
    async with driving(urls, base) as driver:
        await part(driver, urls, log)


async def _other_history(driver: Driver, urls: ConnectionUrls, log: Log) -> None:
    """As one who rewrites the past would have it: consistent in itself, and longer than what was signed."""
    ledger = Ledger(driver)
    await ledger.post((ledger.transfer("a", "b", 1_000_000),))
    await ledger.small_batches(250)


async def _batches(urls: ConnectionUrls) -> int:
    async with snapshot(urls.read_only) as frozen:
        return int((await frozen.fetch(QUERIES["head"], BOOK))[0][4]) - 1


def rooms_tables() -> dict[str, tuple[str, ...]]:
    """The tables of both rooms with their keys, as the migrations declare them."""
    found = {}
    for path in sorted(MIGRATIONS.glob("*.sql")):
        text = path.read_text()
        owned = sql_rooms.tables_of(text)
        for _, node in sql_rooms.commented_statements(text):
            relation = sql_rooms.created_relation(node)
            if relation is not None and owned[relation.relname].room in ROOMS:
                key = sql_rooms.primary_key(node)
                found[relation.relname] = tuple(part for part in key if part != "book_id")
    return found


COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'nostro' AND table_name = ANY(%s) ORDER BY table_name, ordinal_position
"""
FREE = """
DO $$ DECLARE c record; BEGIN
FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
    WHERE connamespace = 'nostro'::regnamespace AND contype <> 'n'
    ORDER BY contype = 'p' LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', c.t, c.conname);
END LOOP;
FOR c IN SELECT attrelid::regclass AS t, attname FROM pg_attribute
    WHERE attnum > 0 AND attnotnull AND attrelid IN
    (SELECT oid FROM pg_class WHERE relnamespace = 'nostro'::regnamespace AND relkind = 'r') LOOP
    EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.t, c.attname);
END LOOP;
END $$
"""


def tables_of(connection: psycopg.Connection[Any]) -> list[Table]:
    keys = rooms_tables()
    columns: dict[str, dict[str, str]] = {name: {} for name in keys}
    for table, column, kind in connection.execute(COLUMNS, [list(keys)]):
        columns[table][column] = kind
    return [Table(name, key, columns[name]) for name, key in keys.items()]


def test_every_column_of_both_rooms_has_a_check(postgres: TestServer) -> None:
    urls = postgres.create()
    with psycopg.connect(urls.owner) as connection:
        tables = tables_of(connection)
    postgres.drop(urls)
    assert {t.name: set(t.columns) for t in tables} == {t: set(c) for t, c in GUARDS.items()}
    checks = {check.name for check in (*CHECKS, *FULL_CHECKS)}
    assert {check for columns in GUARDS.values() for check in columns.values()} <= checks


def test_the_book_is_clean(whole: WholeBook) -> None:
    assert asyncio.run(_audited(whole, whole.outside, [])) == {}
    assert asyncio.run(_audited(whole, Outside(), [])) == {}


def test_the_whole_report_is_clean_in_words_and_in_json(whole: WholeBook) -> None:
    held = Held(whole.log.directory.root.parent, whole.log.keys[-1])

    async def reports() -> list[Report]:
        return await reports_of(
            whole.urls.read_only, None, [BOOK], SystemClock(), watermark_seconds=-60, full=held
        )

    [report] = asyncio.run(reports())
    assert report.off() == {}
    assert report.audited is not None
    newest = whole.log.signed[-1]
    assert report.audited.anchored == Anchored(newest, newest)
    assert report.audited.unsigned_batches == report.audited.batches - newest == 3
    assert f"is of {newest} batches; it fits up to {newest}" in to_text([report])
    plain = msgspec.structs.replace(
        report, audited=msgspec.structs.replace(report.audited, anchored=None)
    )
    assert "the external anchor was not compared" in to_text([plain])


MONEY_ALONE = (
    "UPDATE nostro.transfers SET amount = amount + 5, posted = posted + 5 WHERE seq = 150",
    "UPDATE nostro.entries SET posted = posted + 5 WHERE transfer_seq = 150",
    """UPDATE nostro.entries AS e SET debits_posted = e.debits_posted + 5 FROM nostro.entries AS f
    WHERE f.transfer_seq = 150 AND f.side = 'd' AND e.account_no = f.account_no AND e.version >= f.version""",
    """UPDATE nostro.entries AS e SET credits_posted = e.credits_posted + 5 FROM nostro.entries AS f
    WHERE f.transfer_seq = 150 AND f.side = 'c' AND e.account_no = f.account_no AND e.version >= f.version""",
    """UPDATE nostro.ledger_accounts AS a SET debits_posted = a.debits_posted + 5 FROM nostro.entries AS f
    WHERE f.transfer_seq = 150 AND f.side = 'd' AND a.account_no = f.account_no""",
    """UPDATE nostro.ledger_accounts AS a SET credits_posted = a.credits_posted + 5 FROM nostro.entries AS f
    WHERE f.transfer_seq = 150 AND f.side = 'c' AND a.account_no = f.account_no""",
)


def test_money_rewritten_consistently_is_found_by_the_hashes_alone(whole: WholeBook) -> None:
    found = asyncio.run(_audited(whole, Outside(), list(MONEY_ALONE)))
    assert set(found) == {"transfers_root", "balances_root"}
    assert "transfer 150" in found["transfers_root"]


async def _audited(
    whole: WholeBook, outside: Outside, statements: list[str]
) -> dict[str, dict[str, str]]:
    async with attacking(whole) as attack:
        return await attack.found(statements, outside)


@dataclass
class Attack:
    """A superuser's session in which nothing stays."""

    session: Session
    whole: WholeBook
    cases: int = 0
    missed: list[str] = field(default_factory=list)

    async def found(
        self, statements: list[str], outside: Outside | None = None
    ) -> dict[str, dict[str, str]]:
        """What the audit finds after some statements: check, row, detail."""
        run = self.session.run
        await run([Statement("SAVEPOINT s"), *map(Statement, statements)])
        frozen = DatabaseSnapshot(self.session)
        try:
            results, _ = await audit(frozen, BOOK, outside or self.whole.outside)
            rows = await frozen.fetch(QUERIES["row_sequence"], BOOK)
        finally:
            await run([Statement("ROLLBACK TO s")])
        named = {r.check: {f.subject: f.detail for f in r.findings} for r in results if r.count}
        return named | ({"row_sequence": {row[0]: row[1] for row in rows}} if rows else {})

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return (await self.session.run([Statement(statement)]))[0].rows


class attacking:
    """`async with attacking(whole) as attack`."""

    def __init__(self, whole: WholeBook) -> None:
        self._whole = whole

    async def __aenter__(self) -> Attack:
        self._session = await Session.open(self._whole.superuser)
        settings = ("BEGIN", "SET LOCAL session_replication_role = replica", FREE)
        await self._session.run([Statement(text) for text in settings])
        return Attack(self._session, self._whole)

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()


def subjects(table: str, key: dict[str, Any]) -> set[str]:
    """What a finding about a row may be called."""
    v = {name: value.hex if hasattr(value, "hex") and not isinstance(value, bytes) else value
         for name, value in key.items()}  # fmt: skip
    match table:
        case "book_heads":
            return {"book head"}
        case "batches":
            return {f"batch {v['batch_no']}"}
        case "ledger_accounts":
            return {f"account {v['account_no']}"}
        case "limit_changes":
            return {f"limit change {v['batch_no']}/{v['ordinal']}", f"batch {v['batch_no']}"}
        case "rejections":
            return {f"rejection {v['batch_no']}/{v['ordinal']}", f"batch {v['batch_no']}"}
        case "transfers":
            return {f"transfer {v['seq']}"}
        case "transfer_metadata":
            return {f"transfer {v['transfer_id']}"}
        case "entries":
            return {f"account {v['account_no']} version {v['version']}"}
        case "effective_days":
            return {f"account {v['account_no']} day {v['effective_on']}"}
        case "holds":
            return {f"hold {v['hold_id']}"}
        case "audit_records":
            return {f"audit record {v['seq']}"}
        case "checkpoints":
            return {f"checkpoint {v['tree_size']}"}
        case "log_nodes":
            return {f"node {v['height']}/{v['number']}"}
        case "log_keys":
            return {f"key {v['public_key'].hex() if v['public_key'] else v['public_key']}"}
    return {f"{v['id']}"}


RANGE = re.compile(r"([a-z ]+) ([0-9/-]+) to ([0-9/-]+)")


def names(subject: str, wanted: set[str]) -> bool:
    """Whether a finding names a row, by itself or within a range."""
    if subject in wanted:
        return True
    match = RANGE.fullmatch(subject)
    if match is None:
        return False
    kind, first, last = match.groups()
    keys = (text.removeprefix(f"{kind} ") for text in wanted if text.startswith(f"{kind} "))
    return any(_place(first) <= _place(key) <= _place(last) for key in keys)


def _place(key: str) -> list[int]:
    return [int(part) for part in key.split("/") if part.lstrip("-").isdigit()]


def test_each_column_of_each_table_is_guarded_by_its_check(whole: WholeBook) -> None:
    with psycopg.connect(whole.superuser) as connection:
        tables = tables_of(connection)

    async def drill() -> Attack:
        async with attacking(whole) as attack:
            for table in tables:
                for column, kind in table.columns.items():
                    await _column(attack, table, column, kind)
            return attack

    attack = asyncio.run(drill())
    print(f"{attack.cases} changes of one column", *attack.missed, sep="\n~~ ")
    assert attack.missed == []


async def _column(attack: Attack, table: Table, column: str, kind: str) -> None:
    """Another value; NULL; and where a row has NULL, what encodes like it."""
    there = await _change(attack, table, column, OTHER[kind], "IS NOT NULL")
    await _change(attack, table, column, "NULL", "IS NOT NULL")
    absent = await _change(attack, table, column, NOUGHT[kind], "IS NULL")
    assert there or absent, f"the book has no {table.name}.{column}"
    if not there:
        attack.missed.append(f"{table.name}.{column}: the book has no value of it")


async def _change(attack: Attack, table: Table, column: str, value: str, where: str) -> bool:
    """Change one row in the middle of those that have (or lack) a value. False: there is none."""
    key = ", ".join(_key_column(part) for part in table.key or ("book_id",))
    of_book = "true" if table.name == "log_keys" else f"book_id = {BOOK}"
    rows = await attack.rows(
        f"SELECT ctid::text, {key} FROM nostro.{table.name} WHERE {of_book} AND {column} {where}"
        f" ORDER BY {key}"
    )
    if not rows:
        return False
    ctid, *found = rows[len(rows) // 2]
    statement = (
        f"UPDATE nostro.{table.name} SET {column} = {value.format(c=column)} WHERE ctid = '{ctid}'"
    )
    wanted = subjects(table.name, dict(zip(table.key, found, strict=False)))
    await attack.session.run([Statement("SAVEPOINT k")])
    after = (await attack.rows(f"{statement} RETURNING {key}"))[0]
    await attack.session.run([Statement("ROLLBACK TO k")])
    wanted |= subjects(table.name, dict(zip(table.key, after, strict=False)))
    attack.cases += 1
    try:
        named = await attack.found([statement])
    except Exception:  # noqa: BLE001 - an audit that a row can stop is a failure like any other
        attack.missed.append(f"{table.name}.{column} = {value}: {traceback.format_exc()[-700:]}")
        return True
    check = GUARDS[table.name][column]
    if not any(names(subject, wanted) for subject in named.get(check, ())):
        attack.missed.append(f"{table.name}.{column} = {value} in {wanted}: {check}: {named}")
    return True


def _key_column(part: str) -> str:
    return f"{part} - '1970-01-01'::date" if part == "effective_on" else part


def test_rows_taken_added_and_swapped_are_found(whole: WholeBook) -> None:
    with psycopg.connect(whole.superuser) as connection:
        tables = tables_of(connection)

    async def drill() -> Attack:
        async with attacking(whole) as attack:
            for table in tables:
                for change in (_deletion, _insertion, _swap):
                    await _rows(attack, table, *await change(attack, table))
            return attack

    attack = asyncio.run(drill())
    print(f"{attack.cases} rows deleted, inserted, swapped", *attack.missed, sep="\n~~ ")
    assert attack.missed == []


async def _rows(attack: Attack, table: Table, statement: str, keys: list[tuple[Any, ...]]) -> None:
    """One statement, after which one of the rows has to be named by one of the table's checks."""
    if not statement:
        return
    attack.cases += 1
    named = await attack.found([statement])
    wanted = {
        s for key in keys for s in subjects(table.name, dict(zip(table.key, key, strict=False)))
    }
    checks = set(GUARDS[table.name].values()) | {"outcomes"}
    found = (subject for check in checks for subject in named.get(check, ()))
    if not any(names(subject, wanted) for subject in found):
        attack.missed.append(f"{statement} in {wanted}: {named}")


async def _keys(attack: Attack, table: Table) -> list[tuple[Any, ...]]:
    """The place and the key of every row of the book, in order."""
    key = ", ".join(_key_column(part) for part in table.key or ("book_id",))
    of_book = "true" if table.name == "log_keys" else f"book_id = {BOOK}"
    return await attack.rows(
        f"SELECT ctid::text, {key} FROM nostro.{table.name} WHERE {of_book} ORDER BY {key}"
    )


async def _deletion(attack: Attack, table: Table) -> tuple[str, list[tuple[Any, ...]]]:
    rows = await _keys(attack, table)
    ctid, *key = rows[len(rows) // 2]
    return f"DELETE FROM nostro.{table.name} WHERE ctid = '{ctid}'", [tuple(key)]


async def _insertion(attack: Attack, table: Table) -> tuple[str, list[tuple[Any, ...]]]:
    """A row like another, with a key of its own."""
    rows = await _keys(attack, table)
    ctid, *key = rows[len(rows) // 2]
    last = table.key[-1] if table.key else None
    values = [
        OTHER[kind].format(c=column) if column == last else column
        for column, kind in table.columns.items()
    ]
    statement = (
        f"INSERT INTO nostro.{table.name} SELECT {', '.join(values)} FROM nostro.{table.name}"
        f" WHERE ctid = '{ctid}'"
    )
    await attack.session.run([Statement("SAVEPOINT k")])
    names = ", ".join(_key_column(part) for part in table.key or ("book_id",))
    added = await attack.rows(f"{statement} RETURNING {names}")
    await attack.session.run([Statement("ROLLBACK TO k")])
    return statement, [tuple(key), *added]


async def _swap(attack: Attack, table: Table) -> tuple[str, list[tuple[Any, ...]]]:
    """Two rows, each in the other's place."""
    rows = await _keys(attack, table)
    if len(rows) < 2:
        return "", []
    (one, *first), (other, *last) = rows[0], rows[-1]
    key = ", ".join(table.key)
    statement = (
        f"UPDATE nostro.{table.name} AS t SET ({key}) = (SELECT {key} FROM nostro.{table.name} AS o"
        f" WHERE o.ctid = CASE t.ctid WHEN '{one}'::tid THEN '{other}'::tid ELSE '{one}'::tid END)"
        f" WHERE t.ctid IN ('{one}', '{other}')"
    )
    return statement, [tuple(first), tuple(last)]


def test_a_book_cut_off_consistently_is_found_by_what_was_signed(whole: WholeBook) -> None:
    assert asyncio.run(_plainly(whole.truncated, Outside())) == {}
    found = asyncio.run(_plainly(whole.truncated, whole.outside))["log_directory"]
    first, *later = whole.log.signed
    for size in later:
        gone = f"truncated: the last {size - whole.forked_from} of its {size} batches are gone"
        assert (
            found[f"checkpoint {size:012d}"]
            == f"{gone}; the checkpoint of {first} batches still fits"
        )


def test_a_rewritten_past_is_found_by_what_was_signed(whole: WholeBook) -> None:
    assert asyncio.run(_plainly(whole.forked, Outside())) == {}
    found = asyncio.run(_plainly(whole.forked, whole.outside))["log_directory"]
    first, *later = whole.log.signed
    for size in later:
        fork = f"another history from batch {whole.forked_from + 1} on"
        assert (
            found[f"checkpoint {size:012d}"]
            == f"{fork}; the checkpoint of {first} batches still fits"
        )
    assert any(name.startswith("tile/0/") for name in found)


def test_a_book_cut_off_is_found_also_if_the_newest_file_is_an_older_one(whole: WholeBook) -> None:
    directory, (first, *later) = whole.log.directory, whole.log.signed
    newest = directory.root / "checkpoint"
    kept = newest.read_bytes()
    try:
        newest.write_bytes((directory.root / "checkpoints" / f"{first:012d}").read_bytes())
        outside = Outside.now(directory, whole.log.keys[-1])
        found = asyncio.run(_plainly(whole.truncated, outside))["log_directory"]
    finally:
        newest.write_bytes(kept)
    assert {f"checkpoint {size:012d}" for size in later} <= set(found)


async def _plainly(urls: ConnectionUrls, outside: Outside) -> dict[str, dict[str, str]]:
    async with snapshot(urls.read_only) as frozen:
        results, _ = await audit(frozen, BOOK, outside)
    return {r.check: {f.subject: f.detail for f in r.findings} for r in results if r.count}


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints/{newest}", "tile/0/000", "keys"])
def test_files_of_the_log_that_were_changed_are_found(whole: WholeBook, name: str) -> None:
    path = whole.log.directory.root / name.format(newest=f"{whole.log.signed[-1]:012d}")
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[:40] + bytes([kept[40] ^ 1]) + kept[41:])
        outside = Outside(whole.log.directory, None if name == "keys" else whole.log.keys[-1])
        found = asyncio.run(_plainly(whole.urls, outside))
    finally:
        path.write_bytes(kept)
    assert found, name
    assert set(found) <= {"log_directory", "log_keys", "checkpoints"}


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints/{newest}", "keys"])
def test_a_directory_in_a_files_place_is_a_finding(whole: WholeBook, name: str) -> None:
    path = whole.log.directory.root / name.format(newest=f"{whole.log.signed[-1]:012d}")
    kept = path.rename(path.with_name("kept"))
    try:
        path.mkdir()
        outside = Outside.now(whole.log.directory, whole.log.keys[-1])
        found = asyncio.run(_plainly(whole.urls, outside))
        path.rmdir()
    finally:
        kept.rename(path)
    assert set(found) == {"log_directory"}
