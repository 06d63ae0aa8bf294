"""Balance transactions: how each movement changed what a merchant is owed. Amounts in minor units."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime


class BalanceTransaction(
    msgspec.Struct, frozen=True, tag="balance_transaction", tag_field="object"
):
    """An immutable line of a merchant's statement. `fee` is what the platform kept of it."""

    id: str
    account: str
    type: str
    reporting_category: str
    amount: int
    fee: int
    currency: str
    available_on: BusinessTime
    source: str
    created_ms: BusinessTime
    description: str | None = None

    @property
    def net(self) -> int:
        """What reached the merchant's balance."""
        return self.amount - self.fee


class AvailableDay(msgspec.Struct, frozen=True):
    """What becomes available to a merchant, in one currency, on one day: the sum of its rows."""

    id: str  # account/currency/day
    account: str
    currency: str
    available_on: BusinessTime
    net: int
    released: bool = False


def day_id(account: str, currency: str, available_on: BusinessTime) -> str:
    """The id of the day that an amount becomes available on."""
    return f"{account}/{currency}/{available_on}"
