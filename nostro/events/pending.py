"""How many endpoints have yet to accept an event: read without locks, for those who look at it."""

from __future__ import annotations

from collections.abc import Sequence

from nostro.events.store import QUERIES
from nostro.kernel.ports import Reader


async def pending_webhooks(reader: Reader, book: int, events: Sequence[str]) -> dict[str, int]:
    """Counts by event id; an event that nobody waits for is not in it."""
    if not events:
        return {}
    rows = await reader.fetch(QUERIES["count_pending_webhooks"], book, list(events))
    return {row[0]: row[1] for row in rows}
