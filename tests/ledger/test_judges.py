"""Beancount and hledger add up our books for themselves, accept them, and see one minor unit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nostro.ledger.export import pages
from nostro.ledger.export.service import Format
from tests.ledger.conftest import Book
from tests.ledger.judges import BEANCOUNT, JUDGES, Judge, Verdict

both = pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
TRANSACTION = re.compile(r"^\d{4}-\d\d-\d\d \* .*\n(?:[ ].*\n)+", re.MULTILINE)
LEG = re.compile(r"^( +\S+ +)(-?)(\d+)( \S+)$", re.MULTILINE)
KINDS = ("single", "hold", "capture", "void", "expire")
# What each kind of transfer moves, one unit more of it.
ONE_MORE = {
    "single": "amount = amount + 1, posted = posted + 1",
    "hold": "amount = amount + 1, pending = pending + 1",
    "capture": "amount = amount + 1, posted = posted + 1, pending = pending - 1",
    "void": "amount = amount + 1, pending = pending - 1",
    "expire": "amount = amount + 1, pending = pending - 1",
}


def judged(judge: Judge, text: str, directory: Path) -> Verdict:
    """What a program says of a book."""
    file = directory / "book.txt"
    file.write_text(text, "utf-8")
    return judge(file)


def with_one_more(text: str, kind: str) -> str:
    """The text with one minor unit more on both legs of the first transaction of a kind: it still balances."""
    found = next(t for t in TRANSACTION.finditer(text) if re.search(rf'kind: ?"?{kind}\b', t[0]))
    legs = LEG.sub(lambda leg: f"{leg[1]}{leg[2]}{int(leg[3]) + 1}{leg[4]}", found[0])
    assert legs != found[0]
    return text[: found.start()] + legs + text[found.end() :]


@pytest.mark.parametrize("format", Format)
def test_every_movement_is_in_the_book_and_in_the_export(book: Book, format: Format) -> None:
    text = book.exported(format)
    [[transfers, accounts]] = book.ask(
        "SELECT (SELECT count(*) FROM nostro.transfers), (SELECT count(*) FROM nostro.ledger_accounts)"
    )
    assert text.endswith(f"; end: {transfers} transfers, {accounts} accounts\n")
    found = [t[0] for t in TRANSACTION.finditer(text) if "kind:" in t[0]]
    assert len(found) == transfers
    codes = {str(code) for (code,) in book.ask("SELECT DISTINCT code FROM nostro.transfers")}
    wanted = {"sale", "fee", "refund", "refund_failure", "top_up", "available"}
    for name, there in (("kind", set(KINDS)), ("code", wanted)):
        have = {str(row[0]) for row in book.ask(f"SELECT DISTINCT {name} FROM nostro.transfers")}
        assert there <= have, (name, have)
    assert codes and {"USD", "EUR", "JPY", "KWD"} <= set(re.findall(r"\b[A-Z]{3}\b", text))


@both
def test_the_book_is_accepted(book: Book, judge: Judge, tmp_path: Path) -> None:
    verdict = judged(judge, book.exported(judge.format), tmp_path)
    assert verdict.accepts, verdict.said


@both
@pytest.mark.parametrize("kind", KINDS)
def test_one_unit_on_both_legs_is_seen(book: Book, judge: Judge, kind: str, tmp_path: Path) -> None:
    verdict = judged(judge, with_one_more(book.exported(judge.format), kind), tmp_path)
    assert not verdict.accepts
    assert re.search("balance", verdict.said, re.IGNORECASE), verdict.said


@both
@pytest.mark.parametrize("kind", KINDS)
def test_one_unit_more_in_the_database_is_seen(
    book: Book, judge: Judge, kind: str, tmp_path: Path
) -> None:
    change = f"""
        UPDATE nostro.transfers SET {ONE_MORE[kind]}
        WHERE seq = (SELECT min(seq) FROM nostro.transfers WHERE kind = '{kind}')"""
    verdict = judged(judge, book.tampered([change], judge.format), tmp_path)
    assert not verdict.accepts
    assert re.search("balance", verdict.said, re.IGNORECASE), verdict.said


@both
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM nostro.transfers WHERE seq = 7",
        "UPDATE nostro.transfers SET debit_account = 2, credit_account = 1 WHERE seq = 7",
        "UPDATE nostro.transfers SET currency = 'eur' WHERE seq = 7",
        "UPDATE nostro.ledger_accounts SET debits_posted = debits_posted + 1 WHERE account_no = 1",
        "UPDATE nostro.ledger_accounts SET credits_pending = credits_pending + 1 WHERE account_no = 2",
    ],
    ids=["deleted", "turned round", "another currency", "posted balance", "pending balance"],
)
def test_other_changes_in_the_database_are_seen(
    book: Book, judge: Judge, change: str, tmp_path: Path
) -> None:
    verdict = judged(judge, book.tampered([change], judge.format), tmp_path)
    assert not verdict.accepts, change


@both
def test_the_book_as_it_stood_is_accepted_too(book: Book, judge: Judge, tmp_path: Path) -> None:
    moments = book.ask("SELECT at_ms, first_transfer + transfer_count - 1 FROM nostro.batches")
    last = {int(str(at)): int(str(seq)) for at, seq in moments}  # the last batch of a moment
    times = sorted(last)
    for at in (times[0], times[len(times) // 2], times[-2]):
        text = book.exported(judge.format, at)
        assert f"; end: {last[at]} transfers" in text
        verdict = judged(judge, text, tmp_path)
        assert verdict.accepts, verdict.said
        if last[at]:
            assert not judged(judge, with_one_more(text, "hold"), tmp_path).accepts


@both
def test_before_anything_there_is_nothing(book: Book, judge: Judge, tmp_path: Path) -> None:
    text = book.exported(judge.format, 0)
    assert text.endswith("; end: 0 transfers, 0 accounts\n")
    assert judged(judge, text, tmp_path).accepts


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("at", [False, True], ids=["now", "then"])
def test_pages_do_not_show(
    book: Book, format: Format, at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = 2**62 if at else None
    whole = book.exported(format, until)
    monkeypatch.setattr(pages, "PAGE", 7)
    assert book.exported(format, until) == whole


def test_a_tolerance_would_forgive_a_unit(tmp_path: Path) -> None:
    """Why amounts are whole and assertions exact: the same change in decimals passes, unless it says `~ 0`."""
    text = (
        "2026-01-01 open Assets:A USD\n2026-01-01 open Equity:B USD\n"
        '2026-01-02 * "sale"\n  Assets:A 10.01 USD\n  Equity:B -10.01 USD\n'
        "2026-01-03 balance Assets:A 10.00 {}USD\n2026-01-03 balance Equity:B -10.00 {}USD\n"
    )
    assert judged(BEANCOUNT, text.format("", ""), tmp_path).accepts
    assert not judged(BEANCOUNT, text.format("~ 0 ", "~ 0 "), tmp_path).accepts
