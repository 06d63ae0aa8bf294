"""What the ledger says a merchant is owed, as committed, read without locks."""

from __future__ import annotations

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.ledger.store import QUERIES


class Owed(msgspec.Struct, frozen=True):
    """Minor units by currency: posted credits less posted debits and less what holds reserve."""

    available: dict[str, int]
    pending: dict[str, int]


async def merchant_balances(reader: Reader, book: int, account: str) -> Owed:
    """What a merchant is owed in one book, in every currency it was ever paid in."""
    prefix = f"merchant:{account}:"
    owed = Owed({}, {})
    for code, currency, *counters in await reader.fetch(
        QUERIES["read_merchant_balances"], book, prefix
    ):
        name = code.removeprefix(prefix).partition(":")[0]
        side = {"available": owed.available, "pending": owed.pending}.get(name)
        if side is not None:
            side[currency] = Balance(*counters).free
    return owed
