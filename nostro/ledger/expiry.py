"""Holds whose time is over: found by a read, released by transfers like any other."""

from __future__ import annotations

from nostro.kernel.clock import BusinessTime
from nostro.kernel.ports import Reader
from nostro.kernel.posting import Hold, Kind, Transfer
from nostro.ledger.store import QUERIES, holds_from

CODE = "expiry"


async def due_holds(reader: Reader, book: int, now: BusinessTime, limit: int) -> list[Hold]:
    """Open holds whose `expires_ms` has passed, the oldest first."""
    return list(
        holds_from(await reader.fetch(QUERIES["read_due_holds"], book, now, limit)).values()
    )


def expiry_of(hold: Hold, identifier: str) -> Transfer:
    """The transfer that releases what a hold still reserves."""
    return Transfer(
        identifier, Kind.EXPIRE, hold.debit, hold.credit, hold.remaining, hold.currency, CODE,
        hold.subject, hold.id,
    )  # fmt: skip
