"""Notifications that a person has to look at. Read without locks."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import SystemTime
from nostro.kernel.ports import Reader
from nostro.notifications.store import QUERIES


class OpenNote(msgspec.Struct, frozen=True):
    """One that was not applied, and why."""

    id: str
    reference: str
    state: str
    reason: str
    received_ms: SystemTime


async def open_notes(reader: Reader, book: int, limit: int) -> list[OpenNote]:
    """The oldest that were quarantined, matched nothing, or could not be applied yet."""
    rows = await reader.fetch(QUERIES["open_notifications"], book, limit)
    return [OpenNote(*row) for row in rows]
