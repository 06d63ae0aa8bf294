"""The outcome of a charge: who said no, and what the merchant may be told of it."""

from __future__ import annotations

from typing import Any

from nostro.payments.model import Charge

_SILENT = "The bank did not return any further details with this decline."
_NOT_SENT = "The payment was not sent to the card network."

# decline_code -> what the seller is told. The customer is told less.
_SELLER = {
    "approve_with_id": "The bank returned the decline code `approve_with_id`.",
    "card_velocity_exceeded": "The card's limit of payments or of their sum was exceeded.",
    "expired_card": "The bank returned the decline code `expired_card`.",
    "fraudulent": "The payment is suspected to be fraudulent.",
    "incorrect_cvc": "The bank returned the decline code `incorrect_cvc`.",
    "insufficient_funds": "The bank returned the decline code `insufficient_funds`.",
    "lost_card": "The card is reported lost.",
    "processing_error": "The bank returned the decline code `processing_error`.",
    "stolen_card": "The card is reported stolen.",
}
# The advice an issuer's decline implies.
_ADVICE = {
    "card_velocity_exceeded": "try_again_later",
    "expired_card": "confirm_card_data",
    "fraudulent": "do_not_try_again",
    "incorrect_cvc": "confirm_card_data",
    "incorrect_number": "confirm_card_data",
    "insufficient_funds": "try_again_later",
    "lost_card": "do_not_try_again",
    "pickup_card": "do_not_try_again",
    "processing_error": "try_again_later",
    "reenter_transaction": "try_again_later",
    "stolen_card": "do_not_try_again",
    "try_again_later": "try_again_later",
}


def outcome(row: Charge) -> dict[str, Any] | None:
    """Of a charge in any status; None while it is pending."""
    if row.status == "succeeded":
        return _outcome("approved_by_network", "authorized", "Payment complete.")
    if row.status == "failed":
        return _failed(row)
    return None


def _failed(row: Charge) -> dict[str, Any]:
    reason = row.decline_code
    if reason is None:  # nobody declined it: it never reached, or was not processed by, the network
        return _outcome("not_sent_to_network", "invalid", _NOT_SENT, row.failure_code)
    body = _outcome("declined_by_network", "issuer_declined", _SELLER.get(reason, _SILENT), reason)
    body["advice_code"] = _ADVICE.get(reason)
    body["network_decline_code"] = row.network_code
    return body


def _outcome(
    network_status: str, type: str, seller_message: str, reason: str | None = None
) -> dict[str, Any]:
    # The risk is not assessed here, and says so: a merchant must not take silence for a good score.
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "risk_level": "not_assessed",
        "seller_message": seller_message,
        "type": type,
    }
