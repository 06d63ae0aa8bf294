"""Erases callers' addresses from audit records, on record: first the log says which, then they go.

A crash between the two leaves an address that the log says is gone; asked again, it goes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.audit.store import QUERIES
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.ports import Decider, Entropy, ReferenceStore
from nostro.kernel.table import int_array

ERASED = "address.erased"
ERASED_AT_ONCE = 500


def erased_subject(seq: int) -> str:
    """The subject of the record that tells of an erased address: which record had it."""
    return f"audit_record:{seq}"


class RecordErasedAddresses(msgspec.Struct, frozen=True):
    """Say in the log whose addresses go, and why."""

    book: int
    seed: bytes
    records: Sequence[int]
    reason: str
    actor: str = "operator"

    def reads(self) -> Reads:
        """Nothing."""
        return Reads()

    def decide(self, view: View) -> Decision[None]:
        """A note for each."""
        why = msgspec.json.encode([self.reason]).decode()
        return Decision(
            None, notes=[Note(ERASED, erased_subject(seq), why) for seq in self.records]
        )


async def erase_address(
    store: ReferenceStore, decider: Decider, entropy: Entropy, book: int, address: str, reason: str
) -> int:
    """Erase an address from every record of a book. Returns how many had it."""
    count = 0
    while True:
        rows = await store.fetch(QUERIES["records_with_address"], book, address, ERASED_AT_ONCE)
        if not rows:
            return count
        records = [row[0] for row in rows]
        await decider.run(RecordErasedAddresses(book, entropy.bytes(16), records, reason))
        await store.write(QUERIES["erase_addresses"], book, int_array(records))
        count += len(records)
