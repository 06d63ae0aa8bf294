"""`nostro ledger balance`: what an account holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nostro.cli.ledger.asking import ask
from nostro.cli.ledger.options import At, EffectiveOn, day, instant
from nostro.cli.ledger.sheet import money
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import fail, print_json
from nostro.kernel.ports import Reader
from nostro.ledger import sides
from nostro.ledger.accounts import require_account
from nostro.ledger.balance_at import balance_at, balance_by_effective_date
from nostro.ledger.position import position


def balance(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The account's code.")],
    at: At = None,
    effective_on: EffectiveOn = None,
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """The balance of an account: now, as recorded by an instant, or by effective date."""
    if at and effective_on:
        fail("give --at or --effective-on, not both")
    at_ms, on = instant(at), None if effective_on is None else day(effective_on)

    async def question(reader: Reader) -> dict[str, Any]:
        await position(reader, book)
        account = await require_account(reader, book, code)
        found = account.balance
        if on is not None:
            found = await balance_by_effective_date(reader, book, account.number, on)
        elif at_ms is not None:
            found = await balance_at(reader, book, account.number, at_ms)
        row = {
            "account": code, "currency": account.currency, "side": sides.normal_side(code),
            "balance": sides.posted(code, found), "debits_posted": found.debits_posted,
            "credits_posted": found.credits_posted,
        }  # fmt: skip
        if on is not None:
            return row | {"effective_on": effective_on}
        held = {
            "pending": sides.pending(code, found), "debits_pending": found.debits_pending,
            "credits_pending": found.credits_pending, "entries": found.version,
        }  # fmt: skip
        return row | held

    row = ask(data_dir, database_url, question)
    print_json(row) if as_json else _show(row)


def _show(row: dict[str, Any]) -> None:
    print(f"{row['account']}: {money(row['balance'], row['currency'])} ({row['side']} side)")
    print(f"  posted   debits {row['debits_posted']}   credits {row['credits_posted']}")
    if "pending" in row:
        print(f"  pending  debits {row['debits_pending']}   credits {row['credits_pending']}")
        print(f"  {row['entries']} entries")
