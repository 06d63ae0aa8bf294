"""Snapshots of all balances of a book: what was written down of each, under an audit record and so under the log."""

from __future__ import annotations

import msgspec

from nostro.audit.store import QUERIES
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.ports import Reader
from nostro.kernel.table import Table

ACTION = "balance_snapshot"


class BalanceSnapshot(msgspec.Struct, frozen=True):
    """The root over all balances of a book after batch `as_of_batch`, whose last transfer is `last_transfer`.

    `taken_on` is the day (UTC) at whose end all stood so, as `YYYY-MM-DD`: a day that was over when it was written down.
    """

    id: str
    taken_on: str
    as_of_batch: int
    last_transfer: int
    account_count: int
    root: bytes

    @property
    def changes(self) -> str:
        """What the audit record says."""
        told = [
            self.as_of_batch,
            self.last_transfer,
            self.account_count,
            self.root.hex(),
            self.taken_on,
        ]
        return msgspec.json.encode(told).decode()


SNAPSHOTS = Table("balance_snapshots", BalanceSnapshot, QUERIES)


def snapshot_id(as_of_batch: int) -> str:
    """A snapshot's id, which is the subject of its audit record, too."""
    return f"snapshot:{as_of_batch}"


class RecordSnapshot(msgspec.Struct, frozen=True):
    """Write a snapshot down. The answer is the one that is kept: another of the same batch stays."""

    book: int
    seed: bytes
    snapshot: BalanceSnapshot
    actor: str = "worker"

    def reads(self) -> Reads:
        """The snapshot, if it is there."""
        return Reads([(SNAPSHOTS, self.snapshot.id)])

    def decide(self, view: View) -> Decision[BalanceSnapshot]:
        """Once."""
        known = view.get(SNAPSHOTS, self.snapshot.id)
        if known is not None:
            return Decision(known)
        note = Note(ACTION, self.snapshot.id, self.snapshot.changes)
        return Decision(self.snapshot, [(SNAPSHOTS, self.snapshot)], notes=(note,))


async def newest(reader: Reader, book: int) -> BalanceSnapshot | None:
    """The newest snapshot of a book."""
    rows = await reader.fetch(QUERIES["newest_snapshot"], book)
    return BalanceSnapshot(*rows[0]) if rows else None


async def of_day(reader: Reader, book: int, day: str) -> BalanceSnapshot | None:
    """The last snapshot that stands for a day (`YYYY-MM-DD`)."""
    rows = await reader.fetch(QUERIES["snapshot_of_day"], book, day)
    return BalanceSnapshot(*rows[0]) if rows else None
