"""Money: whole ISO 4217 minor units and a currency. Never a float.

Stripe's exceptions (UGX and ISK sent with two decimals, three-decimal amounts ending in 0) belong to `api`.
"""

from __future__ import annotations

import msgspec
from iso4217 import Currency as IsoCurrency

_EXPONENTS: dict[str, int] = {
    currency.code.lower(): currency.exponent
    for currency in IsoCurrency
    if currency.exponent is not None
}
LARGEST = 9_223_372_036_854_775_807


def is_currency(code: str) -> bool:
    """Whether `code` is a lower-case ISO 4217 currency that has minor units."""
    return code in _EXPONENTS


def exponent(currency: str) -> int:
    """Decimal places of the currency: 2 for usd, 0 for jpy, 3 for kwd."""
    return _EXPONENTS[currency]


class FeeSchedule(msgspec.Struct, frozen=True):
    """What a merchant pays per captured payment: basis points of the amount and a fixed part in minor units."""

    basis_points: int = 0
    fixed: int = 0

    def fee(self, amount: int) -> int:
        """The fee in minor units, rounded half up, never more than `amount`."""
        return min(amount, (amount * self.basis_points + 5_000) // 10_000 + self.fixed)


class Money(msgspec.Struct, frozen=True):
    """An amount in whole minor units of one currency."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.minor

    def allocate(self, weights: list[int]) -> list[Money]:
        """Split by weights without losing a minor unit: the first shares carry the remainder."""
        total = sum(weights)
        shares = [self.minor * weight // total for weight in weights]
        for index in range(self.minor - sum(shares)):
            shares[index % len(shares)] += 1
        return [Money(share, self.currency) for share in shares]

    def decimal(self) -> str:
        """For people: `12.50 USD`."""
        places = exponent(self.currency)
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor)).zfill(places + 1)
        whole, part = (digits[:-places], "." + digits[-places:]) if places else (digits, "")
        return f"{sign}{whole}{part} {self.currency.upper()}"
