"""The machine of refunds. Succeeded is not final: a refund may fail after success."""

from __future__ import annotations

from enum import StrEnum

from nostro.kernel.machine import Machine


class RefundState(StrEnum):
    """Where a refund stands; `status` on the wire follows from it."""

    WAITING = "waiting"  # pending on the wire: the balance does not cover it, nothing was sent
    SENDING = "sending"  # pending: intended, it may be on its way
    UNKNOWN = "unknown"  # pending: sent, no definitive answer
    ACCEPTED = "accepted"  # pending: the acquirer will decide later
    PROVISIONAL = "provisional"  # succeeded, and may still fail
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundEvent(StrEnum):
    """What moves a refund."""

    FUNDED = "funded and sent"
    APPROVED = "approved"
    PROVISIONALLY = "approved, may still fail"
    ACCEPTED = "accepted, not decided"
    REFUSED = "refused or not sent"
    LOST = "no definitive answer"
    FAILED = "failed after success"


_S, _E = RefundState, RefundEvent
REFUND = Machine(
    "refund",
    _S.WAITING,
    {
        (_S.WAITING, _E.FUNDED): _S.SENDING,
        (_S.SENDING, _E.APPROVED): _S.SUCCEEDED,
        (_S.SENDING, _E.PROVISIONALLY): _S.PROVISIONAL,
        (_S.SENDING, _E.ACCEPTED): _S.ACCEPTED,
        (_S.SENDING, _E.REFUSED): _S.FAILED,
        (_S.SENDING, _E.LOST): _S.UNKNOWN,
        (_S.UNKNOWN, _E.LOST): _S.UNKNOWN,
        (_S.UNKNOWN, _E.APPROVED): _S.SUCCEEDED,
        (_S.UNKNOWN, _E.PROVISIONALLY): _S.PROVISIONAL,
        (_S.UNKNOWN, _E.ACCEPTED): _S.ACCEPTED,
        (_S.UNKNOWN, _E.REFUSED): _S.FAILED,
        (_S.ACCEPTED, _E.ACCEPTED): _S.ACCEPTED,
        (_S.ACCEPTED, _E.LOST): _S.ACCEPTED,
        (_S.ACCEPTED, _E.APPROVED): _S.SUCCEEDED,
        (_S.ACCEPTED, _E.PROVISIONALLY): _S.PROVISIONAL,
        (_S.ACCEPTED, _E.REFUSED): _S.FAILED,
        (_S.PROVISIONAL, _E.PROVISIONALLY): _S.PROVISIONAL,
        (_S.PROVISIONAL, _E.LOST): _S.PROVISIONAL,
        (_S.PROVISIONAL, _E.APPROVED): _S.SUCCEEDED,
        (_S.PROVISIONAL, _E.FAILED): _S.FAILED,
    },
)
# Sent, and still open: an outcome may settle these.
SENT = (_S.SENDING, _S.UNKNOWN, _S.ACCEPTED, _S.PROVISIONAL)
WIRE_STATUS = {
    _S.WAITING: "pending",
    _S.SENDING: "pending",
    _S.UNKNOWN: "pending",
    _S.ACCEPTED: "pending",
    _S.PROVISIONAL: "succeeded",
    _S.SUCCEEDED: "succeeded",
    _S.FAILED: "failed",
}
