"""How long verification takes: `python -m tests.verification.measure 100000` generates that many payments and times it.

The payments go through the real committer; the acquirer's outcomes and book are made to match.
"""

import asyncio
import sys
import time

from nostro.db.session import Session, Statement
from nostro.db.snapshot import snapshot
from nostro.db.urls import ConnectionUrls
from nostro.kernel.outcome import Approved
from nostro.payments.store import CHARGES
from nostro.verification.acquirer_book import Line, Pages
from nostro.verification.report import to_text
from nostro.verification.service import verify
from tests.database import running_server
from tests.verification.driver import BOOK, Driver, ShiftedClock, approved, open_book

AT_ONCE = 256
PAGE = 10_000
LINES = """
SELECT
    id, operation::text, amount, currency, 'approved', 'approved', send_by - 2000, false, original
FROM nostro.payment_attempts WHERE book_id = $1
UNION ALL
SELECT id, 'refund', amount, currency, 'approved', 'approved', send_by - 2000, false, original
FROM nostro.refunds WHERE book_id = $1 AND state = 'succeeded'
"""


async def generate(driver: Driver, count: int) -> None:
    """Sales; each tenth is an authorization captured later, each twentieth is refunded in part."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await _payment(driver, number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _payment(driver: Driver, number: int) -> None:
    attempt = await driver.intend(1_000 + number % 9_000, manual=number % 10 == 0)
    await driver.settle_row(attempt, approved(attempt))
    if number % 10 == 0:
        charge = await driver.read(CHARGES, attempt.charge)
        capture = await driver.intend_capture(charge)
        await driver.settle_row(capture, approved(capture))
    if number % 20 == 1:
        charge = await driver.read(CHARGES, attempt.charge)
        refund = await driver.intend_refund(charge, 100)
        assert refund is not None
        await driver.settle_refund(refund, approved_refund(refund.id, refund.amount))


def approved_refund(reference: str, amount: int) -> Approved:
    return Approved(reference, amount, "usd")


async def book_of(url: str) -> list[Line]:
    """The acquirer's book, as it must look."""
    session = await Session.open(url)
    rows = (await session.run([Statement(LINES, (BOOK,))]))[0].rows
    await session.close()
    return [Line(*row) for row in rows]


async def paged(lines: list[Line]) -> Pages:
    for first in range(0, len(lines), PAGE):
        yield lines[first : first + PAGE]


async def measure(urls: ConnectionUrls, count: int) -> None:
    await open_book(urls.owner)
    driver = Driver(urls.app)
    began = time.perf_counter()
    await generate(driver, count)
    await driver.close()
    print(f"{count} payments generated in {time.perf_counter() - began:.1f} s", flush=True)
    lines = await book_of(urls.read_only)
    for _ in range(2):
        began = time.perf_counter()
        async with snapshot(urls.read_only) as frozen:
            report = await verify(frozen, BOOK, paged(lines), ShiftedClock(), -60)
        print(to_text([report]))
        print(f"verified in {time.perf_counter() - began:.2f} s", flush=True)


if __name__ == "__main__":
    with running_server() as server:
        asyncio.run(measure(server.create(), int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
