"""The resources of the API, one file each."""

from __future__ import annotations

from nostro.api.operation import Operation
from nostro.api.v1 import (
    account,
    balance,
    balance_transactions,
    charges,
    customers,
    events,
    ledger,
    payment_intents,
    payment_methods,
    proofs,
    refunds,
    webhook_endpoints,
)

RESOURCES = (
    payment_intents,
    customers,
    payment_methods,
    charges,
    refunds,
    balance,
    balance_transactions,
    events,
    webhook_endpoints,
    account,
    proofs,
    ledger,
)


def operations() -> list[Operation]:
    """Every operation of every resource."""
    return [operation for resource in RESOURCES for operation in resource.OPERATIONS]
