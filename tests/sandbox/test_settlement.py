"""Fees, check digits, and that a finished day's file never changes."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from sandbox.book import Book, Reader
from sandbox.cards import has_valid_check_digit
from sandbox.decisions import decide
from sandbox.identity import Identity, authorization_code
from sandbox.messages import Authorize, Cancel, Card, Refund, Request
from sandbox.settlement import fee_for, write_settlement

MONDAY, TUESDAY = date(2030, 7, 1), date(2030, 7, 2)
MONDAY_NOON_MS = 1_909_137_600_000
DAY_MS = 86_400_000
IDENTITY = Identity("00000001", b"k" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite3"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    book = Book(path, refund_delay_ms=DAY_MS)
    yield book
    book.close()


def act(book: Book, now_ms: int, *requests: Request) -> None:
    names = [r.reference for r in requests] + [getattr(r, "original", "-") for r in requests]
    batch = book.begin(names, now_ms)
    for request in requests:
        decide(batch, request, IDENTITY)
    book.commit(batch)


def sale(reference: str, number: str = "4242424242424242") -> Authorize:
    card = Card(number, 12, 2040)
    return Authorize(reference, 1000, "usd", card, capture=True, merchant="acct_1")


def lines(path: Path, day: date) -> list[list[str]]:
    reader = Reader(path)
    file, length = write_settlement(reader, IDENTITY, day)
    content = file.read().decode()
    file.close()
    reader.close()
    assert length == len(content)
    rows = [row.split(",") for row in content.splitlines()]
    return [row[1:3] + row[7:] for row in rows if row[0] == "line"]


@pytest.mark.parametrize(("amount", "fee"), [(0, 5), (33, 5), (34, 6), (100, 7), (1000, 20)])
def test_the_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    assert fee_for(amount) == fee


@pytest.mark.parametrize(
    ("number", "is_valid"),
    [("4242424242424242", True), ("378282246310005", True), ("4242424242424241", False)],
)
def test_check_digits(number: str, is_valid: bool) -> None:
    assert has_valid_check_digit(number) is is_valid


def test_authorization_codes_do_not_repeat_soon() -> None:
    codes = {authorization_code(seq) for seq in range(50_000)}
    assert len(codes) == 50_000 and all(len(code) == 6 for code in codes)


def test_a_sale_cancelled_on_a_later_day_is_reversed_there(book: Book, path: Path) -> None:
    act(book, MONDAY_NOON_MS, sale("s1"), sale("s2"), Cancel("s2"))
    monday = lines(path, MONDAY)
    assert monday == [["sale", "s1", "1000", "20", "980"]]
    act(book, MONDAY_NOON_MS + DAY_MS, Cancel("s1"))
    assert lines(path, MONDAY) == monday
    assert lines(path, TUESDAY) == [["sale_reversal", "s1", "-1000", "-20", "-980"]]


def test_refunds_settle_on_the_day_they_succeed_or_fail(book: Book, path: Path) -> None:
    act(book, MONDAY_NOON_MS, sale("s1", "4000000000007726"), Refund("r1", "s1", 1000, "usd"))
    act(book, MONDAY_NOON_MS, sale("s2", "4000000000005126"), Refund("r2", "s2", 1000, "usd"))
    monday = lines(path, MONDAY)
    assert [row[:2] for row in monday] == [["sale", "s1"], ["sale", "s2"], ["refund", "r2"]]
    act(book, MONDAY_NOON_MS + DAY_MS)
    assert lines(path, MONDAY) == monday
    assert lines(path, TUESDAY) == [
        ["refund", "r1", "-1000", "20", "-1020"],
        ["refund_failure", "r2", "1000", "-20", "1020"],
    ]
