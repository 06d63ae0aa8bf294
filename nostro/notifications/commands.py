"""Taking a notification, once, and closing it, decided purely."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.ports import Notification
from nostro.kernel.table import Table
from nostro.notifications.judgement import judged
from nostro.notifications.model import Note, NoteState
from nostro.notifications.store import NOTES
from nostro.payments.machine import AttemptState
from nostro.payments.model import Attempt
from nostro.payments.store import ATTEMPTS
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message, table_of
from nostro.refunds.store import REFUNDS

Rows = list[tuple[Table[Any], Any]]
log = logging.getLogger(__name__)
# Its sender is at it, and will settle it or leave it due.
_BEING_SENT = (AttemptState.SENDING, RefundState.SENDING)


class Taken(msgspec.Struct, frozen=True):
    """The notification, and the message to settle by it, if it is evidence for one."""

    note: Note
    message: Message | None = None


class TakeNotification(msgspec.Struct, frozen=True):
    """Take a notification whose signature was found good. `evidence`: it settles; else it only makes its message due."""

    book: int
    seed: bytes
    acquirer: str
    told: Notification
    body: str
    evidence: bool

    @property
    def id(self) -> str:
        """Under which it is kept."""
        return f"{self.acquirer}/{self.told.id}"

    def reads(self) -> Reads:
        """The notification, if it came before, and the message."""
        told = self.told
        return Reads([(NOTES, self.id), (table_of(told.reference), told.reference)])

    def decide(self, view: View) -> Decision[Taken]:
        """Judge it against the message as it is now; one that was closed is not opened again."""
        known = view.get(NOTES, self.id)
        if known is not None and known.state is not NoteState.TAKEN:
            return Decision(Taken(known))
        message: Message | None = view.get(table_of(self.told.reference), self.told.reference)
        state, reason = judged(message, self.acquirer, self.told.evidence)
        rows: Rows = []
        if state is NoteState.TAKEN and not self.evidence and message is not None:
            state, rows = NoteState.APPLIED, _due_now(view, message)
        if state in (NoteState.QUARANTINED, NoteState.UNMATCHED):
            log.error("notification %s of %s: %s", self.id, self.told.reference, reason)
        note = Note(
            self.id, self.acquirer, self.told.reference, state, reason, view.system_now, self.body
        )
        return Decision(
            Taken(note, message if state is NoteState.TAKEN else None), [(NOTES, note), *rows]
        )


class CloseNotification(msgspec.Struct, frozen=True):
    """What a taken notification came to."""

    book: int
    seed: bytes
    note: str
    state: NoteState
    reason: str

    def reads(self) -> Reads:
        """The notification."""
        return Reads([(NOTES, self.note)])

    def decide(self, view: View) -> Decision[Note | None]:
        """Close it, unless it was closed meanwhile."""
        note = view.get(NOTES, self.note)
        if note is None or note.state is not NoteState.TAKEN:
            return Decision(note)
        closed = replace(note, state=self.state, reason=self.reason)
        return Decision(closed, [(NOTES, closed)])


def _due_now(view: View, message: Message) -> Rows:
    if message.state in _BEING_SENT or message.lease_until <= view.system_now:
        return []
    due = replace(message, lease_until=view.system_now)
    return [(ATTEMPTS if isinstance(due, Attempt) else REFUNDS, due)]
