"""How often card networks let the same card be tried for the same amount. Data; check it against your own contracts.

As published by the networks' processors, 2024: Visa forbids any retry after a response of its first category and allows
15 in 30 days otherwise; Mastercard allows 35 in 30 days.
"""

from __future__ import annotations

import msgspec


class RetryCap(msgspec.Struct, frozen=True):
    """One network's. `never` are response codes (ISO 8583 field 39) after which no other try may follow."""

    never: tuple[str, ...] = ()
    tries_max: int = 15
    days: int = 30


class OwnCap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule file changes of one: its `never` come on top of the published ones, which no contract lifts."""

    never: tuple[str, ...] = ()
    tries_max: int | None = None
    days: int | None = None

    def over(self, published: RetryCap) -> RetryCap:
        """The cap that holds."""
        return RetryCap(
            published.never + self.never,
            published.tries_max if self.tries_max is None else self.tries_max,
            published.days if self.days is None else self.days,
        )


VISA = RetryCap(("04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"), 15, 30)
MASTERCARD = RetryCap((), 35, 30)
NETWORK_CAPS: dict[str, RetryCap] = {"visa": VISA, "mastercard": MASTERCARD}
# A network of which nothing is known is taken to be as strict as the strictest.
STRICTEST = VISA
