"""An account's statement: the opening balance, each entry with its transfer, the closing balance.

A statement covers the instants from `from_ms` up to, and not including, `to_ms`: statements of adjoining times
meet without a gap and without an overlap. The oldest entry comes first; entries that are recorded while pages are
being turned come after all that were there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.ledger import sides
from nostro.ledger.accounts import LedgerAccount
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.position import QUERIES, position

PAGE = 1_000
# So many entries a filter goes through in one statement.
WINDOW = 20_000


class Entry(msgspec.Struct, frozen=True):
    """One line. Amounts in minor units, positive on the account's normal side; `balance` and `held` are those after it."""

    number: int
    transfer: str
    seq: int
    at_ms: int
    effective_on: str
    kind: str
    code: str
    subject: str
    counter_account: str
    amount: int
    pending: int
    balance: int
    held: int


class Bounds(msgspec.Struct, frozen=True):
    """What a statement spans: the account's balances before its first entry and after its last."""

    opening: Balance
    closing: Balance


class Filters(msgspec.Struct, frozen=True):
    """Only entries of transfers with this code, about this subject; None: all."""

    code: str | None = None
    subject: str | None = None


class EntryPage(msgspec.Struct, frozen=True):
    """Entries, the oldest first, and whether there are more in the direction asked."""

    entries: list[Entry]
    has_more: bool


async def bounds(
    reader: Reader,
    book: int,
    account: LedgerAccount,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Bounds:
    """Where a statement opens and closes. Without `from_ms` it opens with nothing, without `to_ms` it closes now."""
    first = 0 if from_ms is None else await position(reader, book, from_ms - 1)
    last = await position(reader, book, None if to_ms is None else to_ms - 1)
    number = account.number
    opening, closing = await balances_as_of(
        reader, book, [(number, min(first, last)), (number, last)]
    )
    return Bounds(opening, closing)


async def entries(
    reader: Reader,
    book: int,
    account: LedgerAccount,
    within: Bounds,
    filters: Filters | None = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> EntryPage:
    """A page of a statement: after, or before, the entry of that number (its account's version)."""
    chosen = filters or Filters()
    low, high = within.opening.version, within.closing.version
    if before is not None:
        return await _backwards(reader, book, account, (low, min(high, before - 1)), chosen, limit)
    low, found = max(low, after or 0), list[Entry]()
    while low < high and len(found) <= limit:
        upper = min(high, low + WINDOW) if chosen != Filters() else high
        found += await _read(reader, "next_entries", book, account, (low, upper), chosen,
                             limit + 1 - len(found))  # fmt: skip
        low = upper
    return EntryPage(found[:limit], len(found) > limit)


async def every_entry(
    reader: Reader,
    book: int,
    account: LedgerAccount,
    within: Bounds,
    filters: Filters | None = None,
) -> AsyncIterator[list[Entry]]:
    """All of a statement, page by page."""
    after = 0
    while True:
        page = await entries(reader, book, account, within, filters, after)
        if page.entries:
            yield page.entries
            after = page.entries[-1].number
        if not page.has_more:
            return


async def number_of(reader: Reader, book: int, account: LedgerAccount, transfer: str) -> int | None:
    """The number of the entry that a transfer (its id) made in an account; None if it made none."""
    rows = await reader.fetch(QUERIES["version_of_transfer"], book, account.number, transfer)
    return int(rows[0][0]) if rows else None


async def _backwards(
    reader: Reader,
    book: int,
    account: LedgerAccount,
    versions: tuple[int, int],
    chosen: Filters,
    limit: int,
) -> EntryPage:
    (low, high), found = versions, list[Entry]()
    while low < high and len(found) <= limit:
        lower = max(low, high - WINDOW) if chosen != Filters() else low
        found += await _read(reader, "previous_entries", book, account, (lower, high), chosen,
                             limit + 1 - len(found))  # fmt: skip
        high = lower
    return EntryPage(found[:limit][::-1], len(found) > limit)


async def _read(
    reader: Reader,
    name: str,
    book: int,
    account: LedgerAccount,
    versions: tuple[int, int],
    chosen: Filters,
    limit: int,
) -> list[Entry]:
    rows = await reader.fetch(
        QUERIES[name], book, account.number, *versions, chosen.code, chosen.subject, limit
    )
    return [_entry(account.code, *row) for row in rows]


def _entry(account: str, *row: Any) -> Entry:
    (version, seq, transfer, at_ms, effective_on, kind, code, subject, other, side, posted, pending,
     *counters) = row  # fmt: skip
    sign = 1 if (side == "d") == (sides.normal_side(account) == sides.DEBIT) else -1
    after = Balance(*(*counters, version))
    return Entry(
        version, transfer, seq, at_ms, effective_on, kind, code, subject, other, sign * posted,
        sign * pending, sides.posted(account, after), sides.pending(account, after),
    )  # fmt: skip
