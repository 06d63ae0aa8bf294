"""Taking a notification, once, decided purely."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from nostro.kernel.command import Command, Decision, Reads, View
from nostro.kernel.ports import Notification
from nostro.kernel.table import Table
from nostro.notifications.judgement import contradicts, judged
from nostro.notifications.model import OPEN, Note, NoteState
from nostro.notifications.store import NOTES
from nostro.payments.machine import AttemptState
from nostro.payments.model import Attempt
from nostro.payments.settle import Settled
from nostro.payments.store import ATTEMPTS
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message, table_of
from nostro.refunds.store import REFUNDS

Rows = list[tuple[Table[Any], Any]]
log = logging.getLogger(__name__)
DIGEST_DIGITS = 16
# Its sender is at it, and will settle it or leave it due.
_BEING_SENT = (AttemptState.SENDING, RefundState.SENDING)


class TakeNotification:
    """Take a notification whose signature was found good. `settling` settles its message by it, in the same transaction.

    Without `settling` it is a hint, and only makes its message due. `against`: why a person has to look at it anyway.
    """

    def __init__(
        self,
        book: int,
        seed: bytes,
        acquirer: str,
        told: Notification,
        body: str,
        settling: Command[Settled] | None,
        against: str | None = None,
    ) -> None:
        self.book, self.seed, self.acquirer = book, seed, acquirer
        self.told, self.body, self.settling, self.against = told, body, settling, against
        # Their own id may come again about something else: what is the same says the same.
        self.id = f"{acquirer}/{told.id}/{sha256(body.encode()).hexdigest()[:DIGEST_DIGITS]}"

    def reads(self) -> Reads:
        """The notification, if it came before, and the message with all that settling it reads."""
        told = self.told
        inner = self.settling.reads() if self.settling else Reads()
        rows = [*inner.rows, (NOTES, self.id), (table_of(told.reference), told.reference)]
        return Reads(rows, inner.accounts, inner.holds)

    def decide(self, view: View) -> Decision[Note | None]:
        """Judge it against the message as it is now; what was closed is not opened again. None: somebody else holds it."""
        known = view.get(NOTES, self.id)
        if known is not None:
            return Decision(known)
        message: Message | None = view.get(table_of(self.told.reference), self.told.reference)
        told = self.told
        state, reason = judged(message, self.acquirer, told.evidence, told.claims)
        if self.against is not None:
            state, reason = NoteState.QUARANTINED, self.against
        note = Note(
            self.id, self.acquirer, self.told.reference, state, reason, view.system_now, self.body
        )
        if state in OPEN:
            log.error("notification %s of %s: %s", self.id, self.told.reference, reason)
        if message is not None and contradicts(
            message, self.acquirer, (state, reason), told.evidence
        ):
            return Decision(note, [(NOTES, note), _row(replace(message, contradicted=True))])
        if state is not NoteState.APPLIED or message is None:
            return Decision(note, [(NOTES, note)])
        if self.settling is None:
            return Decision(note, [(NOTES, note), *_due_now(view, message)])
        return self._settled(view, note, self.settling)

    def _settled(self, view: View, note: Note, settling: Command[Settled]) -> Decision[Note | None]:
        settled = settling.decide(view)
        if not settled.answer.applied:
            return Decision(None, settled.rows)
        rows = [*settled.rows, (NOTES, note)]
        return Decision(note, rows, settled.transfers, settled.deletes, notes=settled.notes)


def _due_now(view: View, message: Message) -> Rows:
    if message.state in _BEING_SENT or message.lease_until <= view.system_now:
        return []
    return [_row(replace(message, lease_until=view.system_now))]


def _row(message: Message) -> tuple[Table[Any], Any]:
    return (ATTEMPTS if isinstance(message, Attempt) else REFUNDS, message)
