"""The resources of the API, one file each."""

from __future__ import annotations

from nostro.api.operation import Operation
from nostro.api.v1 import payment_intents

RESOURCES = (payment_intents,)


def operations() -> list[Operation]:
    """Every operation of every resource."""
    return [operation for resource in RESOURCES for operation in resource.OPERATIONS]
