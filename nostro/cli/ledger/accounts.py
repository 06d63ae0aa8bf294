"""`nostro ledger accounts`: which accounts there are."""

from __future__ import annotations

from typing import Annotated

import typer

from nostro.cli.ledger.asking import ask
from nostro.cli.ledger.options import Format, Limit, OutputFormat
from nostro.cli.ledger.sheet import Sheet, decimal
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.kernel.ports import Reader
from nostro.ledger import sides
from nostro.ledger.accounts import LedgerAccount, list_accounts
from nostro.ledger.position import position

PAGE = 1_000
COLUMNS = ("account", "side", "balance", "pending", "currency", "decimal", "entries")


def accounts(
    prefix: Annotated[
        str, typer.Argument(help="Only codes that begin so, such as merchant:.", show_default=False)
    ] = "",
    currency: Annotated[
        str | None, typer.Option(envvar="NOSTRO_CURRENCY", help="ISO 4217, such as usd.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(envvar="NOSTRO_AFTER", help="Begin after this code.")
    ] = None,
    limit: Limit = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    form: OutputFormat = Format.TABLE,
    as_json: Json = False,
) -> None:
    """Accounts in order of their codes, with their balances now."""
    sheet = Sheet(COLUMNS, form, as_json)

    async def question(reader: Reader) -> int:
        await position(reader, book)
        cursor, shown, more = after, 0, True
        while more and (limit is None or shown < limit):
            wanted = PAGE if limit is None else min(PAGE, limit - shown)
            page = await list_accounts(reader, book, prefix, currency, cursor, limit=wanted)
            sheet.add(map(_row, page.accounts))
            shown, more = shown + len(page.accounts), page.has_more
            cursor = page.accounts[-1].code if page.accounts else None
        return shown

    sheet.close(f"{ask(data_dir, database_url, question)} accounts; balances are in minor units.")


def _row(account: LedgerAccount) -> dict[str, object]:
    code, found = account.code, account.balance
    amount = sides.posted(code, found)
    return {
        "account": code, "side": sides.normal_side(code), "balance": amount,
        "pending": sides.pending(code, found), "currency": account.currency,
        "decimal": decimal(amount, account.currency), "entries": found.version,
    }  # fmt: skip
