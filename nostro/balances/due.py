"""Days whose funds become available: read without locks, by a partial index."""

from __future__ import annotations

from collections.abc import Sequence

from nostro.balances.model import AvailableDay
from nostro.balances.store import DAYS, QUERIES
from nostro.kernel.clock import BusinessTime
from nostro.kernel.ports import Reader


async def due_days(
    reader: Reader, book: int, now: BusinessTime, limit: int, without: Sequence[str] = ()
) -> list[AvailableDay]:
    """Days to be released, earliest first."""
    rows = await reader.fetch(QUERIES["find_due_days"], book, now, limit, list(without))
    return [DAYS.decode(row) for row in rows]
