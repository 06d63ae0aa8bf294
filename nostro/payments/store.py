"""The tables of payments, opened by this room and the committer alone."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.payments.model import Attempt, Charge, Intent

QUERIES = load("nostro.payments")
INTENTS = Table(
    "payment_intents",
    Intent,
    QUERIES,
    mutable=(
        "status", "amount", "currency", "capture_method", "terms", "customer", "payment_method",
        "latest_charge", "amount_capturable", "amount_received", "canceled_ms",
        "cancellation_reason", "last_error",
    ),
    listed=True,
    audited="status",
)  # fmt: skip
ATTEMPTS = Table(
    "payment_attempts",
    Attempt,
    QUERIES,
    mutable=(
        "state", "lease_until", "send_by", "holder", "epoch", "sends", "cancelling", "doubt_hold",
        "evidence", "awaiting", "age_known", "contradicted",
    ),
    audited="state",
    about="intent",
)  # fmt: skip
CHARGES = Table(
    "charges",
    Charge,
    QUERIES,
    mutable=(
        "status", "terms", "captured", "amount_captured", "amount_refunded", "refunds_reserved",
        "released", "balance_transaction", "available_on",
    ),
    listed=True,
    audited="status",
    about="intent",
)  # fmt: skip
