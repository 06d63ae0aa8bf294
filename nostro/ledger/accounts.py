"""Accounts found by their codes: one, a page of many, and the nearest to a code that was mistyped."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from nostro.kernel.errors import NostroError
from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.kernel.table import text_array
from nostro.ledger.position import QUERIES

LOOKED_THROUGH = 5_000
SUGGESTED = 3
ALIKE = 0.6


class LedgerAccount(msgspec.Struct, frozen=True):
    """An account and its balance as committed."""

    code: str
    currency: str
    number: int
    balance: Balance


class NoSuchAccount(NostroError):
    """The book has no account of that code; the text says which codes are near."""


class AccountPage(msgspec.Struct, frozen=True):
    """Accounts by code, and whether there are more in the direction asked."""

    accounts: list[LedgerAccount]
    has_more: bool


async def find_account(reader: Reader, book: int, code: str) -> LedgerAccount | None:
    """The account of that code, or None."""
    rows = await reader.fetch(QUERIES["find_accounts"], book, text_array([code]))
    return _account(rows[0]) if rows else None


async def require_account(reader: Reader, book: int, code: str) -> LedgerAccount:
    """The account of that code. Raises NoSuchAccount, with what may have been meant."""
    found = await find_account(reader, book, code)
    if found is not None:
        return found
    near = await _nearest(reader, book, code)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else "`nostro ledger accounts` lists those there are"
    )
    raise NoSuchAccount(f"there is no account {code} in book {book}: {hint}")


async def list_accounts(
    reader: Reader,
    book: int,
    prefix: str = "",
    currency: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> AccountPage:
    """Accounts whose codes begin with `prefix`, in order of their codes, after or before one of them."""
    if before is None:
        name, cursor = "next_accounts", after or ""
    else:
        name, cursor = "previous_accounts", before
    rows = await reader.fetch(QUERIES[name], book, cursor, prefix, currency, limit + 1)
    found = [_account(row) for row in rows[:limit]]
    return AccountPage(found if before is None else found[::-1], len(rows) > limit)


async def _nearest(reader: Reader, book: int, code: str) -> list[str]:
    """Codes alike, among those of the same first word, else among the first thousands."""
    first = code.partition(":")[0]
    page = await list_accounts(reader, book, first, limit=LOOKED_THROUGH)
    if not page.accounts:
        page = await list_accounts(reader, book, limit=LOOKED_THROUGH)
    return get_close_matches(code, [found.code for found in page.accounts], SUGGESTED, ALIKE)


def _account(row: Sequence[object]) -> LedgerAccount:
    code, currency, number, *counters = row
    return msgspec.convert(
        {"code": code, "currency": currency, "number": number,
         "balance": dict(zip(Balance.__struct_fields__, counters, strict=True))},
        LedgerAccount,
    )  # fmt: skip
