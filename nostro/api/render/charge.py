"""The charge object. On the hot path: literal dicts, nothing computed twice."""

from __future__ import annotations

from typing import Any

from nostro.api.amounts import to_wire
from nostro.api.render.outcome import outcome
from nostro.api.render.payment_method import card_checks
from nostro.api.render.shipping import billing_details, payment_shipping
from nostro.payments.model import Charge


def charge(row: Charge) -> dict[str, Any]:
    """Money taken, authorized or refused.

    An authorization that was let go reads as refunded in full.
    """
    terms, currency = row.terms, row.currency
    amount = to_wire(row.amount, currency)
    refunded = amount if row.released else to_wire(row.amount_refunded, currency)
    succeeded = row.status == "succeeded"
    return {
        "id": row.id,
        "object": "charge",
        "amount": amount,
        "amount_captured": to_wire(row.amount_captured, currency),
        "amount_refunded": refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": row.balance_transaction,
        "billing_details": billing_details(row.billing),
        "calculated_statement_descriptor": terms.statement_descriptor,
        "captured": row.captured,
        "created": row.created_ms // 1000,
        "currency": currency,
        "customer": row.customer,
        "description": terms.description,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": row.failure_code,
        "failure_message": row.failure_message,
        "fraud_details": {"user_report": terms.user_report} if terms.user_report else {},
        "livemode": row.live,
        "metadata": terms.metadata,
        "on_behalf_of": None,
        "outcome": outcome(row),
        "paid": succeeded,
        "payment_intent": row.intent,
        "payment_method": row.payment_method,
        "payment_method_details": {"card": _card(row, amount, succeeded), "type": "card"},
        "receipt_email": terms.receipt_email,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": row.released or 0 < row.amount_captured == row.amount_refunded,
        "review": None,
        "shipping": payment_shipping(terms.shipping),
        "source": None,
        "source_transfer": None,
        "statement_descriptor": terms.statement_descriptor,
        "statement_descriptor_suffix": terms.statement_descriptor_suffix,
        "status": row.status,
        "transfer_data": None,
        "transfer_group": terms.transfer_group,
    }


def _card(row: Charge, amount: int, succeeded: bool) -> dict[str, Any]:
    card = row.card
    brand = card.brand
    body = {
        "amount_authorized": amount if succeeded else None,
        "authorization_code": row.authorization_code,
        "brand": brand,
        "checks": card_checks(row.checks),
        "country": card.country,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": brand,
        "network_token": {"used": False},
        "network_transaction_id": row.network_reference,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": None,
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }
    if row.capture_before is not None:
        body["capture_before"] = row.capture_before // 1000
    return body
