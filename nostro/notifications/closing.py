"""Closing a notification that a person has looked at, decided purely. It settles nothing: `nostro conclude` does."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from nostro.kernel.command import Decision, Note, Reads, View
from nostro.notifications.model import OPEN, NoteState
from nostro.notifications.store import NOTES

CLOSED = "notification.closed"


class CloseNotification(msgspec.Struct, frozen=True):
    """Close a notification that was quarantined or matched nothing. The answer is whether it was open.

    What says the same again, such as the same report, does not open it again.
    """

    book: int
    seed: bytes
    notification: str
    reason: str
    actor: str = "operator"

    def reads(self) -> Reads:
        """The notification."""
        return Reads([(NOTES, self.notification)])

    def decide(self, view: View) -> Decision[bool]:
        """With the reason, for the log."""
        note = view.get(NOTES, self.notification)
        if note is None or note.state not in OPEN:
            return Decision(False)
        closed = replace(note, state=NoteState.CLOSED)
        told = Note(CLOSED, note.reference, msgspec.json.encode([note.id, self.reason]).decode())
        return Decision(True, [(NOTES, closed)], notes=(told,))
