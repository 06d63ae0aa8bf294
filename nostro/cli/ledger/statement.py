"""`nostro ledger statement`: an account's entries between two instants."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nostro.cli.ledger.asking import ask, progress
from nostro.cli.ledger.options import (
    Format,
    From,
    Limit,
    OutputFormat,
    To,
    instant,
    moment,
)
from nostro.cli.ledger.sheet import Sheet, money
from nostro.cli.options import LARGEST, Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import print_json
from nostro.kernel.ports import Reader
from nostro.ledger import sides
from nostro.ledger import statement as statements
from nostro.ledger.accounts import require_account
from nostro.ledger.position import position

COLUMNS = (
    "entry", "at", "effective_on", "code", "subject", "counter_account", "amount", "pending",
    "balance", "transfer",
)  # fmt: skip


def statement(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The account's code.")],
    start: From = None,
    end: To = None,
    transfer_code: Annotated[
        str | None, typer.Option("--code", envvar="NOSTRO_CODE", help="Only of this code: sale…")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(envvar="NOSTRO_SUBJECT", help="Only about this: ch_…, re_…")
    ] = None,
    after: Annotated[
        int, typer.Option(envvar="NOSTRO_AFTER", min=0, max=LARGEST, help="Begin after this entry.")
    ] = 0,
    limit: Limit = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    form: OutputFormat = Format.TABLE,
    as_json: Json = False,
) -> None:
    """The opening balance, each entry with its transfer, the closing balance; the oldest entry first."""
    sheet, from_ms, to_ms = Sheet(COLUMNS, form, as_json), instant(start), instant(end)
    filters = statements.Filters(transfer_code, subject)

    async def question(reader: Reader) -> tuple[int, int, str]:
        await position(reader, book)
        account = await require_account(reader, book, code)
        within = await statements.bounds(reader, book, account, from_ms, to_ms)
        opening, closing = (sides.posted(code, b) for b in (within.opening, within.closing))
        if sheet.form is Format.JSON:
            print_json({"opening_balance": opening, "currency": account.currency})
        cursor, shown, more = after, 0, True
        with progress("Entries") as told:
            while more and (limit is None or shown < limit):
                wanted = statements.PAGE if limit is None else min(statements.PAGE, limit - shown)
                page = await statements.entries(
                    reader, book, account, within, filters, cursor, limit=wanted
                )
                sheet.add(map(_row, page.entries))
                shown, more = shown + len(page.entries), page.has_more
                cursor = page.entries[-1].number if page.entries else cursor
                told(shown, None)
        if sheet.form is Format.JSON:
            print_json({"closing_balance": closing, "currency": account.currency})
        return opening, closing, account.currency

    opening, closing, currency = ask(data_dir, database_url, question)
    sheet.close(
        f"opened with {money(opening, currency)}", f"closed with {money(closing, currency)}"
    )


def _row(entry: statements.Entry) -> dict[str, Any]:
    return {
        "entry": entry.number, "at": moment(entry.at_ms), "effective_on": entry.effective_on,
        "code": entry.code, "subject": entry.subject, "counter_account": entry.counter_account,
        "amount": entry.amount, "pending": entry.pending, "balance": entry.balance,
        "held": entry.held, "kind": entry.kind, "transfer": entry.transfer,
    }  # fmt: skip
