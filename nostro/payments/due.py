"""What is due in payments: read without locks, by partial indexes. The commands check it again under the lock."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.ports import Reader
from nostro.payments.ahead import LOOKED_AT_MS
from nostro.payments.model import Charge
from nostro.payments.store import CHARGES, QUERIES
from nostro.payments.timing import DIFFERENCE_MS


class DueAttempt(msgspec.Struct, frozen=True):
    """A live attempt whose lease is over."""

    id: str
    account: str
    key: str | None
    request_id: str | None


async def due_attempts(
    reader: Reader, book: int, now: SystemTime, limit: int, without: Sequence[str] = ()
) -> list[DueAttempt]:
    """Attempts to be finished, the longest due first."""
    rows = await reader.fetch(QUERIES["find_due_attempts"], book, now, limit, list(without))
    return [DueAttempt(*row) for row in rows]


async def held_attempts(
    reader: Reader, book: int, now: SystemTime, generation: str, limit: int
) -> list[str]:
    """Live attempts under the lease of an instance whose name does not begin with `generation`."""
    rows = await reader.fetch(QUERIES["find_held_attempts"], book, now, generation, limit)
    return [row[0] for row in rows]


async def attempts_ahead(
    reader: Reader, book: int, now: SystemTime, longest_ms: int, limit: int
) -> list[str]:
    """Live attempts that are leased for longer than anybody leases: see `Ending`."""
    horizons = (now + longest_ms, now + longest_ms + DIFFERENCE_MS, now + LOOKED_AT_MS)
    rows = await reader.fetch(QUERIES["find_attempts_ahead"], book, *horizons, limit)
    return [row[0] for row in rows]


async def expired_authorizations(
    reader: Reader, book: int, now: BusinessTime, limit: int, without: Sequence[str] = ()
) -> list[Charge]:
    """Charges whose hold is over, the oldest first."""
    rows = await reader.fetch(
        QUERIES["find_expired_authorizations"], book, now, limit, list(without)
    )
    if not rows:
        return []
    found = await reader.fetch(CHARGES.read, book, [row[0] for row in rows])
    return [CHARGES.decode(row) for row in found]
