"""Audit records as people ask for them: the newest first, about some subjects or all. Addresses are not among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.queries import load
from nostro.kernel.table import text_array

QUERIES = load("nostro.audit", "asking.sql")
NEWEST = 2**63 - 1


class Record(msgspec.Struct, frozen=True):
    """Who did what to which object. `changes` are `[table, id, state before, state after]`."""

    seq: int
    batch: int
    action: str
    subject: str
    changes: msgspec.Raw
    actor: str
    request_id: str | None
    outcome: str


async def newest_records(
    reader: Reader,
    book: int,
    subjects: Sequence[str] | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[list[Record], bool]:
    """Records older than number `before`, newest first, and whether there are more."""
    cursor = NEWEST if before is None else before
    if subjects is None:
        rows = await reader.fetch(QUERIES["newest_records"], book, cursor, limit + 1)
    else:
        wanted = text_array(subjects)
        rows = await reader.fetch(QUERIES["newest_records_about"], book, wanted, cursor, limit + 1)
    return [_record(*row) for row in rows[:limit]], len(rows) > limit


def _record(seq: int, batch: int, action: str, subject: str, changes: str, *who: Any) -> Record:
    known = msgspec.Raw(changes.encode() or b"[]")
    actor, request_id, outcome = who
    return Record(seq, batch, action, subject, known, actor, request_id, outcome)
