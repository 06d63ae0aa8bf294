"""Keys that may be forgotten: read without locks, by the index on their age."""

from __future__ import annotations

from nostro.idempotency.store import QUERIES
from nostro.kernel.clock import SystemTime
from nostro.kernel.ports import Reader


async def old_keys(reader: Reader, book: int, before: SystemTime, limit: int) -> list[str]:
    """Answered keys made at `before` or earlier, the oldest first."""
    rows = await reader.fetch(QUERIES["find_old_keys"], book, before, limit)
    return [row[0] for row in rows]
