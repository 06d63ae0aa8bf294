"""The table of payment methods."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.payment_methods.model import PaymentMethod

QUERIES = load("nostro.payment_methods")
METHODS = Table(
    "payment_methods",
    PaymentMethod,
    QUERIES,
    mutable=("card", "billing", "checks", "metadata", "customer", "allow_redisplay"),
    listed=True,
)
