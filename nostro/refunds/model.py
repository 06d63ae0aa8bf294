"""Refunds of a charge. Amounts in minor units."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.refunds.machine import WIRE_STATUS, RefundState


class Refund(msgspec.Struct, frozen=True, tag="refund", tag_field="object"):
    """Money given back, under our own reference (its id); it is its own single attempt."""

    id: str
    account: str
    charge: str
    intent: str
    state: RefundState
    amount: int
    currency: str
    acquirer: str
    original: str  # the reference of the sale or authorization
    created_ms: BusinessTime
    live: bool
    lease_until: SystemTime
    send_by: SystemTime
    holder: str
    epoch: int = 1
    sends: int = 0
    reason: str | None = None
    metadata: dict[str, str] = {}
    from_pending: bool = False
    hold: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    key: str | None = None
    request_id: str | None = None
    evidence: str | None = None
    first_sent: SystemTime = SystemTime(0)  # it left us then at the earliest
    awaiting: str | None = (
        None  # the queue it waits in, while it is unknown and cannot be asked about
    )
    age_known: bool = True  # no clock was seen to be wrong since it was sent
    contradicted: bool = (
        False  # the acquirer said of it what cannot be believed: people alone conclude "not done"
    )

    @property
    def status(self) -> str:
        """What the merchant sees of the state."""
        return WIRE_STATUS[self.state]
