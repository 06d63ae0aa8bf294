"""What waits for an answer that nobody can be asked for: how many, how old, and which. Read without locks."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.ports import Reader
from nostro.payments.ladder import Awaiting
from nostro.payments.store import QUERIES


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
    """Whoever left before is overdue (system time): what can be asked about, what is notified, what is reported."""

    asked: SystemTime
    told: SystemTime
    reported: SystemTime


async def overdue(reader: Reader, book: int, usual: Usual, limit: int) -> list[Overdue]:
    """Attempts that are overdue, the oldest first."""
    limits = (usual.asked, usual.told, usual.reported, limit)
    rows = await reader.fetch(QUERIES["overdue_payment_attempts"], book, *limits)
    return [Overdue(*row) for row in rows]
