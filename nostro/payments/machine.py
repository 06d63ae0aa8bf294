"""The machines of payments: everything about transitions of intents, attempts and charges is here."""

from __future__ import annotations

from enum import StrEnum

from nostro.kernel.machine import Machine


class IntentStatus(StrEnum):
    """Where a payment stands."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    PROCESSING = "processing"  # an attempt is live, or its outcome is unknown
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class IntentEvent(StrEnum):
    """What moves a payment."""

    METHOD_GIVEN = "payment method given"
    SENT = "sale or authorization sent"
    SOLD = "sale approved"
    AUTHORIZED = "authorization approved"
    NOT_PAID = "declined, rejected or undone"
    CAPTURE_SENT = "capture sent"
    CAPTURED = "capture approved"
    VOID_SENT = "void sent"
    VOIDED = "void approved"
    KEPT = "capture or void refused"
    CANCELED = "canceled"
    EXPIRED = "authorization expired"


_S, _E = IntentStatus, IntentEvent
INTENT = Machine(
    "payment_intent",
    _S.REQUIRES_PAYMENT_METHOD,
    {
        (_S.REQUIRES_PAYMENT_METHOD, _E.METHOD_GIVEN): _S.REQUIRES_CONFIRMATION,
        (_S.REQUIRES_CONFIRMATION, _E.METHOD_GIVEN): _S.REQUIRES_CONFIRMATION,
        (_S.REQUIRES_PAYMENT_METHOD, _E.SENT): _S.PROCESSING,
        (_S.REQUIRES_CONFIRMATION, _E.SENT): _S.PROCESSING,
        (_S.PROCESSING, _E.SOLD): _S.SUCCEEDED,
        (_S.PROCESSING, _E.AUTHORIZED): _S.REQUIRES_CAPTURE,
        (_S.PROCESSING, _E.NOT_PAID): _S.REQUIRES_PAYMENT_METHOD,
        (_S.REQUIRES_CAPTURE, _E.CAPTURE_SENT): _S.PROCESSING,
        (_S.PROCESSING, _E.CAPTURED): _S.SUCCEEDED,
        (_S.REQUIRES_CAPTURE, _E.VOID_SENT): _S.PROCESSING,
        (_S.PROCESSING, _E.VOIDED): _S.CANCELED,
        (_S.PROCESSING, _E.KEPT): _S.REQUIRES_CAPTURE,
        (_S.REQUIRES_PAYMENT_METHOD, _E.CANCELED): _S.CANCELED,
        (_S.REQUIRES_CONFIRMATION, _E.CANCELED): _S.CANCELED,
        (_S.REQUIRES_CAPTURE, _E.EXPIRED): _S.CANCELED,
    },
)


class AttemptState(StrEnum):
    """What is known of one message to an acquirer."""

    SENDING = "sending"  # intended: it may be on its way
    UNKNOWN = "unknown"  # sent, no definitive answer; only evidence leads out
    APPROVED = "approved"
    DECLINED = "declined"
    REJECTED = "rejected"  # the acquirer did not process it
    NOT_SENT = "not_sent"  # provably never left us
    UNDONE = "undone"  # cancelled by reference; a late original is refused there


class AttemptEvent(StrEnum):
    """What is learned of an attempt."""

    APPROVED = "approved"
    DECLINED = "declined"
    REJECTED = "rejected"
    NOT_SENT = "not sent"
    LOST = "no definitive answer"
    UNDONE = "cancelled by reference"


_A, _L = AttemptState, AttemptEvent
ATTEMPT = Machine(
    "payment_attempt",
    _A.SENDING,
    {
        (_A.SENDING, _L.APPROVED): _A.APPROVED,
        (_A.SENDING, _L.DECLINED): _A.DECLINED,
        (_A.SENDING, _L.REJECTED): _A.REJECTED,
        (_A.SENDING, _L.NOT_SENT): _A.NOT_SENT,
        (_A.SENDING, _L.LOST): _A.UNKNOWN,
        (_A.SENDING, _L.UNDONE): _A.UNDONE,
        (_A.UNKNOWN, _L.LOST): _A.UNKNOWN,
        (_A.UNKNOWN, _L.APPROVED): _A.APPROVED,
        (_A.UNKNOWN, _L.DECLINED): _A.DECLINED,
        (_A.UNKNOWN, _L.UNDONE): _A.UNDONE,
    },
)
LIVE = (AttemptState.SENDING, AttemptState.UNKNOWN)
