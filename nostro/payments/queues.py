"""What waits for an answer that nobody can be asked for: how many, how old, and which. Read without locks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.clock import DAY, HOUR, MINUTE, BusinessTime, SystemTime
from nostro.kernel.ports import Reader
from nostro.payments.ladder import Awaiting
from nostro.payments.store import QUERIES
from nostro.payments.timing import DIFFERENCE_MS

# How long an outcome may be unknown: where its acquirer can be asked, where it notifies, and where its report is awaited.
ASKED_MS, TOLD_MS, REPORTED_MS = 15 * MINUTE, 6 * HOUR, 3 * DAY


class Queue(msgspec.Struct, frozen=True):
    """A queue: its length, and when its oldest was made (business time)."""

    name: str
    of: str
    count: int
    oldest_ms: BusinessTime


class Waiting(msgspec.Struct, frozen=True):
    """One that waits. Amount in minor units."""

    id: str
    operation: str
    acquirer: str
    amount: int
    currency: str
    intent: str
    created_ms: BusinessTime


async def queues(reader: Reader, book: int) -> list[Queue]:
    """The queues of attempts that are not empty."""
    rows = await reader.fetch(QUERIES["awaiting_attempts"], book)
    return [Queue(name, "attempts", count, oldest) for name, count, oldest in rows]


async def waiting(reader: Reader, book: int, queue: Awaiting, limit: int) -> list[Waiting]:
    """The oldest of a queue."""
    rows = await reader.fetch(QUERIES["list_awaiting_attempts"], book, queue, limit)
    return [Waiting(*row) for row in rows]


async def owed(reader: Reader, book: int) -> dict[str, SystemTime]:
    """Since when each acquirer owes an answer that nobody can ask it for."""
    rows = await reader.fetch(QUERIES["oldest_awaiting_payment_attempts"], book)
    return {acquirer: SystemTime(since) for acquirer, since in rows}


class Overdue(msgspec.Struct, frozen=True):
    """One whose outcome is unknown for longer than is usual: its reference, what it is, and since when."""

    reference: str
    what: str
    since_ms: SystemTime


class Usual(msgspec.Struct, frozen=True):
    """Whoever left before is overdue (system time): what can be asked about, what is notified, what is reported.

    Whoever left after `ahead` is, too: a clock was ahead, and nobody knows when it was.
    """

    asked: SystemTime
    told: SystemTime
    reported: SystemTime
    ahead: SystemTime

    @classmethod
    def at(cls, now: SystemTime) -> Usual:
        """What is usual now."""
        ages = (ASKED_MS, TOLD_MS, REPORTED_MS, -DIFFERENCE_MS)
        return cls(*(SystemTime(now - age) for age in ages))


async def overdue(
    reader: Reader, book: int, usual: Usual, without: Sequence[str], limit: int
) -> list[Overdue]:
    """Attempts that are overdue, the oldest first."""
    limits = (*msgspec.structs.astuple(usual), list(without), limit)
    rows = await reader.fetch(QUERIES["overdue_payment_attempts"], book, *limits)
    return [Overdue(*row) for row in rows]
