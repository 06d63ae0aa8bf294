"""The payment_intent object. On the hot path: literal dicts, nothing computed twice."""

from __future__ import annotations

from typing import Any

from nostro.api.amounts import to_wire
from nostro.api.render.payment_method import payment_method
from nostro.api.render.shipping import payment_shipping
from nostro.payments.model import Intent, PaymentError, Terms

_DOCS = "https://stripe.com/docs/error-codes/"


def payment_intent(row: Intent) -> dict[str, Any]:
    """A payment as the merchant asked for it."""
    terms, currency = row.terms, row.currency
    canceled = row.canceled_ms
    error = row.last_error
    return {
        "id": row.id,
        "object": "payment_intent",
        "amount": to_wire(row.amount, currency),
        "amount_capturable": to_wire(row.amount_capturable, currency),
        "amount_details": {"tip": {}},
        "amount_received": to_wire(row.amount_received, currency),
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": _automatic(terms),
        "canceled_at": None if canceled is None else canceled // 1000,
        "cancellation_reason": row.cancellation_reason,
        "capture_method": row.capture_method,
        "client_secret": row.client_secret,
        "confirmation_method": terms.confirmation_method,
        "created": row.created_ms // 1000,
        "currency": currency,
        "customer": row.customer,
        "customer_account": None,
        "description": terms.description,
        "excluded_payment_method_types": None,
        "last_payment_error": None if error is None else payment_error(error),
        "latest_charge": row.latest_charge,
        "livemode": row.live,
        "managed_payments": None,
        "metadata": terms.metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": row.payment_method,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": terms.payment_method_types,
        "processing": None,
        "receipt_email": terms.receipt_email,
        "review": None,
        "setup_future_usage": terms.setup_future_usage,
        "shipping": payment_shipping(terms.shipping),
        "source": None,
        "statement_descriptor": terms.statement_descriptor,
        "statement_descriptor_suffix": terms.statement_descriptor_suffix,
        "status": row.status.value,
        "transfer_data": None,
        "transfer_group": terms.transfer_group,
    }


def _automatic(terms: Terms) -> dict[str, Any] | None:
    if not terms.automatic_payment_methods:
        return None
    return {"allow_redirects": terms.allow_redirects, "enabled": True}


def payment_error(error: PaymentError) -> dict[str, Any]:
    """Why the last attempt did not pay.

    What is not known is left out, as its type there has no null.
    """
    body: dict[str, Any] = {}
    if error.charge is not None:
        body["charge"] = error.charge
    body["code"] = error.code
    if error.decline_code is not None:
        body["decline_code"] = error.decline_code
    body["doc_url"] = _DOCS + error.code.replace("_", "-")
    body["message"] = error.message
    if error.payment_method is not None:
        body["payment_method"] = payment_method(error.payment_method)
    body["type"] = "card_error"
    return body
