"""What a notification may do to the message it names. Pure."""

from __future__ import annotations

from nostro.kernel.outcome import Approved, Evidence, Operation, Pending
from nostro.kernel.ports import Claims
from nostro.notifications.model import NoteState
from nostro.payments.machine import LIVE, AttemptState
from nostro.payments.model import Attempt
from nostro.refunds.machine import SENT, RefundState
from nostro.refunds.messages import Message
from nostro.refunds.model import Refund

Judgement = tuple[NoteState, str]
NOTHING = Claims()
_GOOD = (AttemptState.APPROVED, RefundState.SUCCEEDED)


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
    differs = _differs(message, evidence, claims)
    if differs:
        return NoteState.QUARANTINED, differs
    if is_open(message):
        return _of_open(message, evidence)
    if _was_so(message, evidence) or isinstance(evidence, Approved) == (message.state in _GOOD):
        return NoteState.IGNORED, f"it is {message.state} already"
    return NoteState.QUARANTINED, f"{type(evidence).__name__} of what is {message.state}"


def _of_open(message: Message, evidence: Evidence) -> Judgement:
    """What will be undone any moment is not paid."""
    cancelling = isinstance(message, Attempt) and message.cancelling
    if cancelling and isinstance(evidence, Approved):
        return NoteState.QUARANTINED, "a cancel of it may be on its way and undo it"
    return NoteState.APPLIED, "it settles its message, or makes it due"


def _was_so(message: Message, evidence: Evidence) -> bool:
    """Whether it tells of an earlier time: what was pending, or a refund that succeeded before it failed."""
    if isinstance(evidence, Pending):
        return True
    if not isinstance(message, Refund) or not isinstance(evidence, Approved):
        return False
    return message.balance_transaction is not None or evidence.poll_after_ms is not None


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
