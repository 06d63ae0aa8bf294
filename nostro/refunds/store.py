"""The table of refunds."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.refunds.model import Refund

QUERIES = load("nostro.refunds")
REFUNDS = Table(
    "refunds",
    Refund,
    QUERIES,
    mutable=(
        "state", "lease_until", "send_by", "holder", "epoch", "sends", "metadata", "from_pending",
        "hold", "balance_transaction", "failure_balance_transaction", "failure_reason", "evidence",
        "first_sent", "awaiting", "age_known", "contradicted",
    ),
    listed=True,
    audited="state",
)  # fmt: skip
