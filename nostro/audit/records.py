"""Audit records as they are kept."""

from __future__ import annotations

import msgspec

from nostro.audit import leaves
from nostro.audit.evidence import ProvedRecord
from nostro.audit.store import QUERIES
from nostro.kernel.ports import Reader


class KeptRecord(msgspec.Struct, frozen=True):
    """An audit record with its number and its batch. The address is None where there was none or it was erased."""

    seq: int
    batch_no: int
    action: str
    subject: str
    changes: str
    actor: str
    request_id: str | None
    outcome: str
    address: str | None
    address_hash: bytes | None

    def leaf(self, book: int) -> bytes:
        """Its canonical bytes."""
        return leaves.audit_record(
            book, self.seq, self.action, self.subject, self.changes, self.actor,
            self.request_id, self.outcome, self.address_hash,
        )  # fmt: skip

    def proved(self, index: int, proof: tuple[bytes, ...]) -> ProvedRecord:
        """The record with its place in its batch, and the proof of that."""
        return ProvedRecord(
            seq=self.seq, action=self.action, subject=self.subject, changes=self.changes,
            actor=self.actor, request_id=self.request_id, outcome=self.outcome,
            address_hash=self.address_hash, index=index, proof=proof,
        )  # fmt: skip


async def records_of(reader: Reader, book: int, subject: str) -> list[KeptRecord]:
    """What was recorded of an object, oldest first."""
    rows = await reader.fetch(QUERIES["records_of_subject"], book, subject)
    return [KeptRecord(*row) for row in rows]


async def records_between(reader: Reader, book: int, first: int, end: int) -> list[KeptRecord]:
    """Records from number `first` up to `end`."""
    rows = await reader.fetch(QUERIES["records_of_batch"], book, first, end)
    return [KeptRecord(*row) for row in rows]
