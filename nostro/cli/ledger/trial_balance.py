"""`nostro ledger trial-balance`: every account, and that debits equal credits."""

from __future__ import annotations

import typer

from nostro.cli.ledger.asking import ask, progress
from nostro.cli.ledger.options import At, Format, OutputFormat, instant
from nostro.cli.ledger.sheet import Sheet
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.kernel.ports import Reader
from nostro.ledger.trial_balance import Line, Totals, lines

COLUMNS = (
    "currency", "account", "posted_debits", "posted_credits", "pending_debits", "pending_credits",
)  # fmt: skip


def trial_balance(
    at: At = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    form: OutputFormat = Format.TABLE,
    as_json: Json = False,
) -> None:
    """Debits and credits of every account, and their totals by currency, now or at an instant.

    Exit code 1 if the totals are not equal.
    """
    sheet, at_ms = Sheet(COLUMNS, form, as_json), instant(at)

    async def question(reader: Reader) -> dict[str, Totals]:
        totals: dict[str, Totals] = {}
        with progress("Accounts") as told:
            async for some in lines(reader, book, at_ms):
                sheet.add(map(_row, some))
                for line in some:
                    totals.setdefault(line.currency, Totals()).add(line.balance)
                told(sum(total.accounts for total in totals.values()), None)
        return totals

    totals = ask(data_dir, database_url, question)
    sheet.add(_total(currency, total) for currency, total in sorted(totals.items()))
    equal = all(total.equal for total in totals.values())
    sheet.close("Debits equal credits." if equal else "DEBITS AND CREDITS DIFFER.")
    raise typer.Exit(0 if equal else 1)


def _row(line: Line) -> dict[str, object]:
    found = line.balance
    return {
        "currency": line.currency, "account": line.code, "posted_debits": found.debits_posted,
        "posted_credits": found.credits_posted, "pending_debits": found.debits_pending,
        "pending_credits": found.credits_pending,
    }  # fmt: skip


def _total(currency: str, total: Totals) -> dict[str, object]:
    return {
        "currency": currency, "account": "TOTAL", "posted_debits": total.debits_posted,
        "posted_credits": total.credits_posted, "pending_debits": total.debits_pending,
        "pending_credits": total.credits_pending,
    }  # fmt: skip
