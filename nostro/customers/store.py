"""The table of customers."""

from __future__ import annotations

from nostro.customers.model import Customer
from nostro.kernel.queries import load
from nostro.kernel.table import Table

QUERIES = load("nostro.customers")
CUSTOMERS = Table(
    "customers",
    Customer,
    QUERIES,
    mutable=(
        "name",
        "email",
        "phone",
        "description",
        "address",
        "shipping",
        "metadata",
        "default_payment_method",
        "preferred_locales",
        "tax_exempt",
        "deleted",
    ),
    listed=True,
)
