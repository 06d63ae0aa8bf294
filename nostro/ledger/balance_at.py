"""An account's balance now, at an instant as it was recorded then, and by effective date."""

from __future__ import annotations

from collections.abc import Sequence

from nostro.kernel.clock import DAY
from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.kernel.table import int_array
from nostro.ledger.days import date_of
from nostro.ledger.position import QUERIES, position


async def balance_at(reader: Reader, book: int, account: int, at_ms: int) -> Balance:
    """The balance of an account (its number) as recorded by an instant, that millisecond included."""
    seq = await position(reader, book, at_ms)
    return (await balances_as_of(reader, book, [(account, seq)]))[0]


async def balances_as_of(
    reader: Reader, book: int, wanted: Sequence[tuple[int, int]]
) -> list[Balance]:
    """For pairs of an account's number and a transfer's: the balance after that transfer, in their order.

    Each costs as many look-ups as the number of its entries has binary digits.
    """
    if not wanted:
        return []
    accounts, seqs = zip(*wanted, strict=True)
    rows = await reader.fetch(QUERIES["balances_as_of"], book, int_array(accounts), int_array(seqs))
    return [Balance(*row) for row in rows]


async def balance_by_effective_date(reader: Reader, book: int, account: int, day: int) -> Balance:
    """The balance at the end of a day (days since 1970-01-01, UTC) by effective date, as it is known now.

    Holds have no effective date and are left out; so is the version.
    """
    end = (day + 1) * DAY - 1
    rows = await reader.fetch(
        QUERIES["balance_by_effective_date"], book, account, end, date_of(day)
    )
    return Balance(*rows[0])
