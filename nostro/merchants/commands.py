"""How the audit log hears of accounts and keys, which no committer's transaction ever writes.

The change and its telling are two steps. The first, one statement, changes the row and leaves a `SettingChange`: a key
that is revoked is refused at once. The second writes the audit record; it may be late or come twice, but a change that
was left is told, and how far a book was told stands in the transaction of the record: so each is told once, in order.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import MINUTE, SystemTime
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.merchants.model import SettingChange, ToldSetting
from nostro.merchants.store import TOLD_SETTINGS

LATE_MS = 1 * MINUTE
LATE = "done, recorded late"


class TellSettings(msgspec.Struct, frozen=True):
    """Put changes of accounts and keys into a book's audit log. Returns how many it did not have."""

    book: int
    seed: bytes
    changes: tuple[SettingChange, ...]

    @property
    def weight(self) -> int:
        """How much of a batch this takes."""
        return len(self.changes)

    def reads(self) -> Reads:
        """How far the book was told of each."""
        return Reads([(TOLD_SETTINGS, change.subject) for change in self.changes])

    def decide(self, view: View) -> Decision[int]:
        """A record for each that is new to the log: from what the log was told last to what is so now."""
        told: dict[str, ToldSetting] = {}
        notes: list[Note] = []
        for change in self.changes:
            last = told.get(change.subject) or view.get(TOLD_SETTINGS, change.subject)
            if last is None or last.no < change.no:
                notes.append(_note(change, last.state if last else "", view.system_now))
                told[change.subject] = ToldSetting(change.subject, change.no, change.state)
        rows = [(TOLD_SETTINGS, row) for row in told.values()]
        return Decision(len(notes), rows, notes=notes)


def _note(change: SettingChange, before: str, now: SystemTime) -> Note:
    changes = [(change.relation, change.subject, before, change.state)]
    late = change.at_ms + LATE_MS < now
    return Note(
        change.action, change.subject, msgspec.json.encode(changes).decode(), change.actor,
        LATE if late else None,
    )  # fmt: skip
