"""Refunds that wait for an answer that nobody can be asked for. Read without locks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.clock import SystemTime
from nostro.kernel.ports import Reader
from nostro.payments.ladder import Awaiting
from nostro.payments.queues import Overdue, Queue, Usual, Waiting
from nostro.refunds.store import QUERIES


async def queues(reader: Reader, book: int) -> list[Queue]:
    """The queues of refunds that are not empty."""
    rows = await reader.fetch(QUERIES["awaiting_refunds"], book)
    return [Queue(name, "refunds", count, oldest) for name, count, oldest in rows]


async def waiting(reader: Reader, book: int, queue: Awaiting, limit: int) -> list[Waiting]:
    """The oldest of a queue."""
    rows = await reader.fetch(QUERIES["list_awaiting_refunds"], book, queue, limit)
    return [Waiting(id, "refund", *rest) for id, *rest in rows]


async def owed(reader: Reader, book: int) -> dict[str, SystemTime]:
    """Since when each acquirer owes an answer that nobody can ask it for."""
    rows = await reader.fetch(QUERIES["oldest_awaiting_refunds"], book)
    return {acquirer: SystemTime(since) for acquirer, since in rows}


async def overdue(
    reader: Reader, book: int, usual: Usual, without: Sequence[str], limit: int
) -> list[Overdue]:
    """Refunds that are overdue, the oldest first."""
    limits = (*msgspec.structs.astuple(usual), list(without), limit)
    rows = await reader.fetch(QUERIES["overdue_refunds"], book, *limits)
    return [Overdue(*row) for row in rows]
