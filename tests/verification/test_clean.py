"""An untouched history verifies, whatever is open in it and whoever writes meanwhile."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from nostro.acquirers.sandbox_book import pages
from nostro.cli.verify import CLEAN, OFF, reports_of, run
from nostro.db.session import Session, Statement
from nostro.db.snapshot import snapshot
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import DatabaseUnavailable, Unavailable
from nostro.verification.checks import ACQUIRER_CHECKS, CHECKS
from nostro.verification.report import Report
from nostro.verification.service import QUERIES
from tests.database import TestServer
from tests.sandbox.process import SandboxProcess
from tests.verification.conftest import JUDGE_ALL, Books, driving
from tests.verification.driver import BOOK, ShiftedClock, open_book

Output = pytest.CaptureFixture[str]


def test_a_history_with_everything_in_it_is_clean(books: Books) -> None:
    report = asyncio.run(books.tampered())
    assert report.off() == {}
    assert report.acquirer_operations == len(books.theirs)


def test_each_check_has_its_statement() -> None:
    names = {check.name for check in CHECKS}
    others = {name for name in QUERIES if name.startswith(("stream_", "all_", "slice_"))}
    assert names | {"pin", "books", "live", "sandbox_book", "head"} == set(QUERIES) - others
    assert all(f"'{check.name}'" in QUERIES["sandbox_book"] for check in ACQUIRER_CHECKS)


def test_the_command_exits_with_zero_and_says_clean(books: Books, capsys: Output) -> None:
    code = asyncio.run(
        run(books.urls.read_only, {"sandbox": books.sandbox}, None, False, JUDGE_ALL)
    )
    text = capsys.readouterr().out
    assert (code, "Book 0: clean" in text) == (CLEAN, True), text
    code = asyncio.run(run(books.urls.read_only, None, [BOOK], True))
    assert (code, '"clean":true' in capsys.readouterr().out) == (CLEAN, True)


def test_the_command_exits_with_one_and_names_the_row(
    postgres: TestServer, sandbox: SandboxProcess, capsys: Output
) -> None:
    urls, base = postgres.create(), f"http://127.0.0.1:{sandbox.port}"
    charge = asyncio.run(_one_sale_and_its_loss(urls, base))
    code = asyncio.run(run(urls.read_only, None, None, False))
    text = capsys.readouterr().out
    postgres.drop(urls)
    assert (code, charge in text, "NOT CLEAN" in text) == (OFF, True, True)


async def _one_sale_and_its_loss(urls: ConnectionUrls, base: str) -> str:
    await open_book(urls.owner)
    async with driving(urls, base) as driver:
        charge = await driver.sale(1_000)
    session = await Session.open(urls.owner)
    await session.run([Statement("DELETE FROM nostro.balance_transactions")])
    await session.close()
    return charge.id


def test_writers_do_not_disturb_it(postgres: TestServer, tmp_path: Path) -> None:
    """Payments go on while it reads: what is under way is set apart, and nothing is an error."""
    urls, sandbox = postgres.create(), SandboxProcess(tmp_path)
    try:
        reports = asyncio.run(_verified_under_load(urls, f"http://127.0.0.1:{sandbox.port}"))
    finally:
        assert sandbox.terminate() == 0
        postgres.drop(urls)
    assert [report.off() for report in reports] == [{}] * len(reports)
    assert any(report.apart_count for report in reports)
    assert reports[-1].acquirer_operations


async def _verified_under_load(urls: ConnectionUrls, base: str) -> list[Report]:
    await open_book(urls.owner)
    async with driving(urls, base) as driver:

        async def pay() -> None:
            for _ in range(40):
                charge = await driver.sale(1_000)
                await driver.refund(charge, 100)

        paying = [asyncio.create_task(pay()) for _ in range(4)]
        reports: list[Report] = []
        while not all(task.done() for task in paying):
            reports += await reports_of(urls.read_only, {"sandbox": base}, None, ShiftedClock(), 0)
        await asyncio.gather(*paying)
    assert len(reports) > 1
    return reports


def test_it_sees_one_moment_and_cannot_write(books: Books) -> None:
    asyncio.run(_frozen(books))


async def _frozen(books: Books) -> None:
    session = await Session.open(books.superuser)
    count = "SELECT count(*) FROM nostro.leases"
    async with snapshot(books.superuser) as frozen:
        before = await frozen.fetch(count)
        await session.run([Statement("INSERT INTO nostro.leases VALUES (0, 'x', 'y', 1)")])
        assert await frozen.fetch(count) == before
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            await frozen.fetch("DELETE FROM nostro.leases")
    await session.run([Statement("DELETE FROM nostro.leases")])
    await session.close()


def test_every_listed_table_is_counted(books: Books) -> None:
    """A table that takes numbers from the head and is not among them would be taken for a gap."""
    with psycopg.connect(books.superuser) as connection:
        listed = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'nostro' "
            "AND column_name IN ('seq', 'account', 'id') GROUP BY 1 HAVING count(*) = 3"
        ).fetchall()
    assert all(f"nostro.{name}" in QUERIES["row_sequence"] for (name,) in listed)
    assert len(listed) >= 8


def test_a_sandbox_out_of_reach_is_said_so() -> None:
    async def read() -> None:
        async for _ in pages("http://127.0.0.1:9"):
            raise AssertionError("nobody is there")

    with pytest.raises(Unavailable, match="cannot be read"):
        asyncio.run(read())


def test_the_book_is_read_page_by_page(books: Books) -> None:
    async def read() -> list[int]:
        return [len(page) async for page in pages(books.sandbox, page=7)]

    sizes = asyncio.run(read())
    assert sum(sizes) >= len(books.theirs)
    assert set(sizes[:-1]) == {7}
