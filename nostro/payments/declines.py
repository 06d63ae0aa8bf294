"""How a decline reads to the merchant: Stripe's error code and message for each decline_code, as data."""

from __future__ import annotations

from nostro.kernel.outcome import Declined, NotSent, Outcome, Rejected
from nostro.payments.model import PaymentError

GENERIC = "Your card was declined."
PROCESSING = "An error occurred while processing your card. Try again in a little bit."

# decline_code -> (code, message); anything else is card_declined with the generic message.
_WORDS: dict[str, tuple[str, str]] = {
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "incorrect_number": ("incorrect_number", "Your card number is incorrect."),
    "processing_error": ("processing_error", PROCESSING),
    "card_velocity_exceeded": (
        "card_declined",
        (
            "Your card was declined for making repeated attempts too frequently or exceeding its "
            "amount limit."
        ),
    ),
}
# Codes whose error carries no decline_code of its own on the wire.
_SAME_AS_CODE = ("expired_card", "incorrect_cvc", "incorrect_number", "processing_error")


def payment_error(outcome: Outcome | None, charge: str | None) -> PaymentError:
    """The error an unpaid attempt leaves on its intent."""
    if isinstance(outcome, Declined):
        code, message = _WORDS.get(outcome.reason, ("card_declined", GENERIC))
        decline = None if outcome.reason in _SAME_AS_CODE else outcome.reason
        return PaymentError(code, message, decline, charge)
    return PaymentError("processing_error", PROCESSING, None, charge)


def network_words(outcome: Outcome) -> str:
    """What the acquirer or the network said, for the charge's record."""
    if isinstance(outcome, Declined):
        return outcome.network_code or ""
    if isinstance(outcome, Rejected):
        return outcome.error
    return outcome.cause if isinstance(outcome, NotSent) else ""
