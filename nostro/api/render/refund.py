"""The refund object: our seven states as Stripe's statuses."""

from __future__ import annotations

from typing import Any

from nostro.api.amounts import to_wire
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund

_STATUS = {
    RefundState.WAITING: "pending",
    RefundState.SENDING: "pending",
    RefundState.UNKNOWN: "pending",
    RefundState.ACCEPTED: "pending",
    RefundState.PROVISIONAL: "succeeded",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.FAILED: "failed",
}
# The reasons Stripe names, and the decline codes that mean one of them.
_FAILURES = {
    "charge_for_pending_refund_disputed": "charge_for_pending_refund_disputed",
    "declined": "declined",
    "expired_card": "expired_or_canceled_card",
    "expired_or_canceled_card": "expired_or_canceled_card",
    "generic_decline": "declined",
    "do_not_honor": "declined",
    "insufficient_funds": "insufficient_funds",
    "lost_card": "lost_or_stolen_card",
    "lost_or_stolen_card": "lost_or_stolen_card",
    "merchant_request": "merchant_request",
    "stolen_card": "lost_or_stolen_card",
}


def refund(row: Refund) -> dict[str, Any]:
    """Money given back. What does not apply to its status is left out."""
    status = _STATUS[row.state]
    body = {
        "id": row.id,
        "object": "refund",
        "amount": to_wire(row.amount, row.currency),
        "balance_transaction": row.balance_transaction,
        "charge": row.charge,
        "created": row.created_ms // 1000,
        "currency": row.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": _destination(status),
    }
    if status == "failed":
        if row.failure_balance_transaction is not None:
            body["failure_balance_transaction"] = row.failure_balance_transaction
        body["failure_reason"] = _FAILURES.get(row.failure_reason or "", "unknown")
    body["metadata"] = row.metadata
    body["payment_intent"] = row.intent
    body["payment_method"] = None
    if status == "pending":
        waiting = row.state is RefundState.WAITING
        body["pending_reason"] = "insufficient_funds" if waiting else "processing"
    body["reason"] = row.reason
    body["receipt_number"] = None
    body["source_transfer_reversal"] = None
    body["status"] = status
    body["transfer_reversal"] = None
    return body


def _destination(status: str) -> dict[str, Any]:
    kind = "pending" if status == "pending" else "refund"
    return {"card": {"reference_status": "unavailable", "type": kind}, "type": "card"}
