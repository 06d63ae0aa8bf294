"""`nostro ledger open-items`: what has to clear and has not."""

from __future__ import annotations

from nostro.cli.ledger.asking import ask, progress
from nostro.cli.ledger.options import At, Format, OutputFormat, instant, moment
from nostro.cli.ledger.sheet import Sheet, decimal
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.kernel.clock import HOUR
from nostro.kernel.ports import Reader
from nostro.ledger import open_items as asking
from nostro.ledger.clearing import Item
from nostro.ledger.explainability import Score
from nostro.system import SystemClock

COLUMNS = (
    "account", "subject", "amount", "currency", "decimal", "since", "age_hours", "limit_hours",
    "overdue",
)  # fmt: skip


def open_items(
    at: At = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    form: OutputFormat = Format.TABLE,
    as_json: Json = False,
) -> None:
    """Items of accounts that must clear and are not at zero, the oldest first, and the explainability score."""
    sheet, given = Sheet(COLUMNS, form, as_json), instant(at)
    now = int(SystemClock().business()) if given is None else given

    async def question(reader: Reader) -> asking.OpenItems:
        with progress("Entries") as bar:
            done = 0

            def told(entries: int) -> None:
                nonlocal done
                done += entries
                bar(done, None)

            return await asking.open_items(reader, book, now, told)

    found = ask(data_dir, database_url, question)
    sheet.add(_row(item, now) for item in found.items)
    if sheet.form is Format.JSON:
        sheet.add(_score(currency, score) for currency, score in sorted(found.scores.items()))
    overdue = sum(item.overdue(now) for item in found.items)
    sheet.close(
        f"{len(found.items)} open items, {overdue} overdue.",
        *(_sentence(currency, score) for currency, score in sorted(found.scores.items())),
    )


def _row(item: Item, now: int) -> dict[str, object]:
    return {
        "account": item.account, "kind": item.kind, "subject": item.subject, "amount": item.amount,
        "currency": item.currency, "decimal": decimal(item.amount, item.currency),
        "since": moment(item.since_ms), "age_hours": round(item.age_ms(now) / HOUR, 1),
        "limit_hours": item.limit_ms // HOUR, "overdue": item.overdue(now),
    }  # fmt: skip


def _score(currency: str, score: Score) -> dict[str, object]:
    return {
        "currency": currency, "score": score.score, "clearing": score.clearing,
        "timeliness": score.timeliness, "completeness": score.completeness,
    }  # fmt: skip


def _sentence(currency: str, score: Score) -> str:
    parts = " x ".join(
        f"{name} {_share(value)}"
        for name, value in _score(currency, score).items()
        if name not in ("currency", "score")
    )
    return f"Explainability in {currency}: {_share(score.score)} = {parts}"


def _share(value: object) -> str:
    return "none" if value is None else f"{value:.4f}"
