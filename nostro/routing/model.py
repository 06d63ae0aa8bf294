"""The values of routing: what rules say, what is known of a payment, and what came of it. Amounts in minor units."""

from __future__ import annotations

import msgspec

from nostro.routing.caps import NETWORK_CAPS, STRICTEST, OwnCap, RetryCap


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an acquirer charges: 1/100 % of the amount, and a fixed part."""

    basis_points: int = 0
    fixed: int = 0

    def of(self, amount: int) -> int:
        """The cost of an amount, rounded half up."""
        return (amount * self.basis_points + 5_000) // 10_000 + self.fixed


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An acquirer takes what fits all that is given. A lower `priority` goes first, then the lower cost."""

    acquirer: str
    currencies: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None
    merchants: tuple[str, ...] | None = None
    amount_min: int = 0
    amount_max: int | None = None
    priority: int = 0
    cost: Cost = Cost()


class BreakerTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a circuit opens, and for how long. Milliseconds of system time."""

    window_ms: int = 10_000
    calls_min: int = 20  # of fewer calls in a window nothing is concluded
    failures_percent: int = 50
    open_ms: int = 5_000  # doubles each time that it opens again at once
    open_longest_ms: int = 60_000


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole rule file. `soft_declines` are decline codes after which the next acquirer may be tried: none."""

    rules: tuple[Rule, ...] = ()
    tries_max: int = 3
    soft_declines: tuple[str, ...] = ()
    retry_caps: dict[str, OwnCap] = {}
    breaker: BreakerTerms = BreakerTerms()

    def cap(self, network: str | None) -> RetryCap:
        """What holds for a card network: what is published, or the strictest if nothing is, with the file's changes."""
        name = network or ""
        published = NETWORK_CAPS.get(name, STRICTEST)
        return self.retry_caps.get(name, OwnCap()).over(published)


class Routes(msgspec.Struct, frozen=True):
    """The acquirers there are, in the order of the settings, and the rules for them."""

    acquirers: tuple[str, ...]
    rules: Rules = Rules()


class Facts(msgspec.Struct, frozen=True):
    """What is known of a payment. `network` is the card's brand."""

    amount: int
    currency: str
    merchant: str
    network: str | None = None


class Candidate(msgspec.Struct, frozen=True):
    """An acquirer that may take it, and why it stands where it stands."""

    acquirer: str
    priority: int
    cost: int
    reasons: tuple[str, ...]


class LeftOut(msgspec.Struct, frozen=True):
    """An acquirer that may not, and why. `for_now`: its rules fit, but its circuit is open."""

    acquirer: str
    reasons: tuple[str, ...]
    for_now: bool = False


class Route(msgspec.Struct, frozen=True):
    """Every acquirer: the candidates, the first to be tried first, and the others."""

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
