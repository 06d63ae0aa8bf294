"""What is due in refunds: read without locks, by a partial index. The commands check it again under the lock."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.clock import SystemTime
from nostro.kernel.ports import Reader
from nostro.payments.ahead import LOOKED_AT_MS
from nostro.payments.timing import DIFFERENCE_MS
from nostro.refunds.store import QUERIES


class DueRefund(msgspec.Struct, frozen=True):
    """An open refund whose lease is over."""

    id: str
    account: str
    key: str | None
    request_id: str | None


async def due_refunds(
    reader: Reader, book: int, now: SystemTime, limit: int, without: Sequence[str] = ()
) -> list[DueRefund]:
    """Refunds to be finished, the longest due first."""
    rows = await reader.fetch(QUERIES["find_due_refunds"], book, now, limit, list(without))
    return [DueRefund(*row) for row in rows]


async def refunds_ahead(
    reader: Reader, book: int, now: SystemTime, longest_ms: int, limit: int
) -> list[str]:
    """Open refunds that are leased for longer than anybody leases: see `Ending`."""
    horizons = (now + longest_ms, now + longest_ms + DIFFERENCE_MS, now + LOOKED_AT_MS)
    rows = await reader.fetch(QUERIES["find_refunds_ahead"], book, *horizons, limit)
    return [row[0] for row in rows]


async def held_refunds(
    reader: Reader, book: int, now: SystemTime, generation: str, limit: int
) -> list[str]:
    """Refunds being sent under the lease of an instance whose name does not begin with `generation`."""
    rows = await reader.fetch(QUERIES["find_held_refunds"], book, now, generation, limit)
    return [row[0] for row in rows]
