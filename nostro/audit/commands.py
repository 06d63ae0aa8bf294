"""Writes something into the audit log that no row's state shows."""

from __future__ import annotations

import msgspec

from nostro.kernel.command import Decision, Note, Reads, View


class Record(msgspec.Struct, frozen=True):
    """Append a note to a book's audit log, by an actor."""

    book: int
    seed: bytes
    note: Note
    actor: str

    def reads(self) -> Reads:
        """Nothing."""
        return Reads()

    def decide(self, view: View) -> Decision[None]:
        """As it is."""
        return Decision(None, notes=(self.note,))
