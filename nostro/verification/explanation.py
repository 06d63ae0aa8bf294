"""Who did what when: an object's transfers and its audit records, brought together from the rooms that keep them."""

from __future__ import annotations

from uuid import UUID

import msgspec

from nostro.audit.asking import Record, newest_records
from nostro.kernel.ports import Reader
from nostro.ledger.story import Told, story, subjects_of_transfer, times_of_batches
from nostro.verification.subjects import subjects_of

RECORDS_MAX = 1_000


class Done(msgspec.Struct, frozen=True):
    """An audit record and when its batch was recorded, in milliseconds."""

    at_ms: int
    record: Record


class Explanation(msgspec.Struct, frozen=True):
    """All that the ledger and the audit log know of an object, oldest first.

    `account` is whose it is; None where only the ledger knows it.
    """

    id: str
    account: str | None
    subjects: tuple[str, ...]
    transfers: list[Told]
    records: list[Done]


async def explain(reader: Reader, book: int, identifier: str) -> Explanation | None:
    """Explain a payment intent, charge, refund or balance transaction, a transfer, or a subject of the ledger's own.

    None if nothing is known of it.
    """
    known = await subjects_of(reader, book, identifier)
    if known is not None:
        return await _told(reader, book, identifier, known.account, known.subjects)
    subjects = [identifier]
    if (transfer := transfer_id(identifier)) is not None:
        subjects = await subjects_of_transfer(reader, book, transfer) or subjects
    found = await _told(reader, book, identifier, None, tuple(subjects))
    return found if found.transfers or found.records else None


def transfer_id(text: str) -> str | None:
    """A transfer's id as 32 hexadecimal digits, however it was written; None if it is none."""
    try:
        return UUID(text).hex
    except ValueError:
        return None


async def _told(
    reader: Reader, book: int, identifier: str, account: str | None, subjects: tuple[str, ...]
) -> Explanation:
    transfers = await story(reader, book, subjects)
    records, _ = await newest_records(reader, book, subjects, limit=RECORDS_MAX)
    done = await dated(reader, book, records[::-1])
    return Explanation(identifier, account, subjects, transfers, done)


async def dated(reader: Reader, book: int, records: list[Record]) -> list[Done]:
    """Records with the time of their batches, in their order."""
    times = await times_of_batches(reader, book, sorted({record.batch for record in records}))
    return [Done(times[record.batch], record) for record in records]
