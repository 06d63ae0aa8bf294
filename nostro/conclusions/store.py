"""The tables of operators and conclusions."""

from __future__ import annotations

from nostro.conclusions.model import Conclusion, Operator
from nostro.kernel.queries import load
from nostro.kernel.table import Table

QUERIES = load("nostro.conclusions")
OPERATORS = Table(
    "operators", Operator, QUERIES, mutable=("key_hash", "state", "created_ms"), audited="state"
)
CONCLUSIONS = Table(
    "conclusions",
    Conclusion,
    QUERIES,
    mutable=(
        "verdict", "acquirer_reference", "reason", "evidence", "state", "proposed_by",
        "proposed_ms", "decided_by", "decided_ms",
    ),
    audited="setting",
)  # fmt: skip
