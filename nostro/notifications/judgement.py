"""What a notification may do to the message it names. Pure."""

from __future__ import annotations

from nostro.kernel.outcome import (
    Approved,
    Evidence,
    Operation,
    Pending,
)
from nostro.kernel.ports import Claims
from nostro.notifications.model import NoteState
from nostro.payments.contradiction import BY_PEOPLE, executed_again, for_people, learned, taints
from nostro.payments.machine import LIVE, AttemptState
from nostro.payments.model import Attempt
from nostro.refunds.machine import SENT, RefundState
from nostro.refunds.messages import Message
from nostro.refunds.model import Refund
from nostro.refunds.settle import was_so

Judgement = tuple[NoteState, str]
NOTHING = Claims()
_GOOD = (AttemptState.APPROVED, RefundState.SUCCEEDED)
_CANCELLING = "a cancel of it may be on its way and undo it"


def is_open(message: Message) -> bool:
    """Whether evidence may still settle it."""
    if isinstance(message, Attempt):
        return message.state in LIVE
    return message.state in SENT


def judged(
    message: Message | None, acquirer: str, evidence: Evidence, claims: Claims = NOTHING
) -> Judgement:
    """What becomes of a notification; APPLIED if it may have its effect."""
    if message is None:
        return NoteState.UNMATCHED, "no message of ours has this reference"
    if message.acquirer != acquirer:
        return NoteState.QUARANTINED, f"the message went to {message.acquirer}"
    against = _differs(message, evidence, claims) or executed_again(
        learned(message.evidence), evidence
    )
    if against:
        return NoteState.QUARANTINED, against
    if is_open(message):
        return _of_open(message, evidence)
    if _was_so(message, evidence) or isinstance(evidence, Approved) == (message.state in _GOOD):
        return NoteState.IGNORED, f"it is {message.state} already"
    return NoteState.QUARANTINED, f"{type(evidence).__name__} of what is {message.state}"


def contradicts(
    message: Message | None, acquirer: str, note: Judgement, evidence: Evidence
) -> bool:
    """Whether from now on only people conclude that an open message was not done.

    Its acquirer says that it did it, and cannot be believed as it says so: what is taken back later may be another
    execution than the one that counts.
    """
    if message is None or message.acquirer != acquirer or not is_open(message):
        return False
    state, reason = note
    doubtful = state is NoteState.QUARANTINED and reason != _CANCELLING
    return doubtful and taints(learned(message.evidence), evidence)


def _of_open(message: Message, evidence: Evidence) -> Judgement:
    """What will be undone any moment is not paid, and what was contradicted is not undone by a word."""
    cancelling = isinstance(message, Attempt) and message.cancelling
    if cancelling and isinstance(evidence, Approved):
        return NoteState.QUARANTINED, _CANCELLING
    if for_people(message.contradicted, evidence, by_people=False):
        return NoteState.QUARANTINED, BY_PEOPLE
    return NoteState.APPLIED, "it settles its message, or makes it due"


def _was_so(message: Message, evidence: Evidence) -> bool:
    """Whether it tells of an earlier time: what was pending, or a refund that succeeded before it failed."""
    if isinstance(evidence, Pending):
        return True
    return isinstance(message, Refund) and was_so(message, evidence)


def _differs(message: Message, evidence: Evidence, claims: Claims) -> str | None:
    """What they say of the message that is not so. A void is of all that was authorized, whatever that was."""
    operation = message.operation if isinstance(message, Attempt) else Operation.REFUND
    pairs: list[tuple[object, object]] = [
        (claims.operation, operation),
        (claims.account, message.account),
        (claims.original, message.original),
    ]
    if operation is not Operation.VOID:
        pairs += [(claims.amount, message.amount), (claims.currency, message.currency)]
        if isinstance(evidence, Approved):
            pairs += [(evidence.amount, message.amount), (evidence.currency, message.currency)]
    wrong = [f"{said} instead of {ours}" for said, ours in pairs if said not in (None, ours)]
    return ", ".join(dict.fromkeys(wrong)) or None
