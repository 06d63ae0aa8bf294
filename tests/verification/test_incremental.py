"""The continuous audit: clean over a whole book from wherever it starts, and loud about what was changed in a batch."""

from __future__ import annotations

import asyncio

import pytest

from nostro.audit.alarms import SettleAlarm, open_alarms
from nostro.db.pool import Pool
from nostro.db.snapshot import snapshot
from nostro.kernel.ports import Reader
from nostro.system import SystemClock, SystemEntropy
from nostro.verification.full import audit
from nostro.verification.header_chain import Position
from nostro.verification.incremental import Auditor, newest_position
from nostro.verification.outside import Outside
from nostro.verification.report import Result
from nostro.work.audit_duty import Auditing
from nostro.work.duties import Book, Desk
from tests.books import BOOK as LEDGER
from tests.books import books_on
from tests.database import TestServer
from tests.verification.driver import BOOK
from tests.verification.test_tamper_drill import attacking, whole
from tests.verification.whole_book import WholeBook

__all__ = ["whole"]

Found = dict[str, set[str]]


async def _to_the_end(reader: Reader, position: Position) -> tuple[Position, Found]:
    named: Found = {}
    auditor = Auditor(BOOK, position)
    while True:
        before = auditor.position
        _add(named, await auditor.slice(reader))
        if auditor.position.batch_no == before.batch_no:
            return auditor.position, named


def _add(named: Found, results: tuple[Result, ...]) -> None:
    for result in results:
        if result.count:
            named.setdefault(result.check, set()).update(f.subject for f in result.findings)


def test_a_whole_book_is_clean_from_its_beginning_and_from_its_newest_checkpoint(
    whole: WholeBook,
) -> None:
    async def run() -> None:
        pool = Pool(whole.urls.app)
        end, named = await _to_the_end(pool, Position())
        assert named == {}
        start, results = await newest_position(pool, BOOK)
        assert not any(result.count for result in results)
        assert start.batch_no == whole.log.signed[-1]
        assert await _to_the_end(pool, start) == (end, {})
        await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("statement", "check", "row"),
    [
        ("UPDATE nostro.transfers SET amount = amount + 1 WHERE seq = 150", "transfers_root", "transfer 150"),
        ("UPDATE nostro.transfers SET at_ms = at_ms + 1 WHERE seq = 150", "batch_rows", "transfer 150"),
        (
            "UPDATE nostro.entries SET debits_posted = debits_posted + 1 WHERE transfer_seq = 150 AND side = 'd'",
            "entries", None,
        ),
        ("DELETE FROM nostro.entries WHERE transfer_seq = 150", "entries", None),
        ("DELETE FROM nostro.transfers WHERE seq = 150", "transfers_root", "transfer 150"),
        ("UPDATE nostro.batches SET at_ms = at_ms + 1 WHERE batch_no = 120", "batch_headers", "batch 120"),
        ("DELETE FROM nostro.batches WHERE batch_no BETWEEN 120 AND 122", "batch_headers", "batch 120"),
        ("UPDATE nostro.rejections SET reason = 'x' WHERE amount = 51", "rejections_root", None),
        ("UPDATE nostro.limit_changes SET overdraft_max = 7 WHERE overdraft_max = 0", "limits_root", None),
        ("UPDATE nostro.audit_records SET changes = 'x' WHERE seq = 20", "audit_root", "audit record 20"),
        ("UPDATE nostro.book_heads SET frontier = ''", "book_head", "book head"),
        ("UPDATE nostro.book_heads SET last_leaf = sha256('x')", "book_head", "book head"),
    ],
)  # fmt: skip
def test_what_was_changed_in_a_batch_is_named(
    whole: WholeBook, statement: str, check: str, row: str | None
) -> None:
    async def run() -> Found:
        from nostro.db.session import Statement
        from nostro.db.snapshot import DatabaseSnapshot

        async with attacking(whole) as attack:
            await attack.session.run([Statement(statement)])
            return (await _to_the_end(DatabaseSnapshot(attack.session), Position()))[1]

    named = asyncio.run(run())
    assert check in named
    assert row is None or row in named[check], named
    assert sum(map(len, named.values())) <= 10, named


def test_the_duty_raises_an_alarm_once(postgres: TestServer) -> None:
    urls = postgres.create()

    async def run() -> None:
        async with books_on(urls) as books:
            await books.happen("charge.succeeded")
            duty = Auditing(
                Book(LEDGER, False), Desk(books.decider, books.pool, SystemClock(), SystemEntropy())
            )
            assert await duty.round() == 1
            assert await open_alarms(books.pool, LEDGER) == []
            await _as_owner("UPDATE nostro.book_heads SET last_ms = last_ms + 1 WHERE book_id = $1")
            for _ in range(3):
                await duty.round()
            alarms = await open_alarms(books.pool, LEDGER)
            assert [(alarm.kind, alarm.subject) for alarm in alarms] == [("book_head", "book head")]
            settle = SettleAlarm(LEDGER, bytes(16), alarms[0].id, "an exercise")
            assert (await books.run(settle), await books.run(settle)) == (True, False)
            assert await open_alarms(books.pool, LEDGER) == []
            async with snapshot(urls.read_only) as frozen:
                results, _ = await audit(frozen, LEDGER, Outside())
            off = {result.check for result in results if result.count}
            assert "alarms" not in off

    async def _as_owner(statement: str) -> None:
        from nostro.db.session import Session, Statement

        session = await Session.open(urls.owner)
        await session.run([Statement(statement, (LEDGER,))])
        await session.close()

    asyncio.run(run())
    postgres.drop(urls)
