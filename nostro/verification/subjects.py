"""From an object that people know to what the ledger and the audit log know it by."""

from __future__ import annotations

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.queries import load

QUERIES = load("nostro.verification", "asking.sql")


class Subjects(msgspec.Struct, frozen=True):
    """The subjects that tell an object's story, and the account it belongs to."""

    account: str
    subjects: tuple[str, ...]


async def subjects_of(reader: Reader, book: int, identifier: str) -> Subjects | None:
    """Of a payment intent, a charge, a refund or a balance transaction; None if it is none of them.

    A payment's story is that of its charges and of their refunds.
    """
    rows = await reader.fetch(QUERIES["subjects_of_object"], book, identifier)
    if not rows:
        return None
    return Subjects(rows[0][1], tuple(sorted(row[0] for row in rows)))
