"""After which outcomes another acquirer may be tried. Pure.

The one rule: only where it is certain that no money moved. `Unknown` never fails over, whatever the rules say.
"""

from __future__ import annotations

import msgspec

from nostro.kernel.outcome import Declined, NotSent, Outcome, Rejected
from nostro.routing.model import Rules


class Verdict(msgspec.Struct, frozen=True):
    """Whether another may be tried, and why or why not."""

    allowed: bool
    why: str


def verdict(
    rules: Rules, outcome: Outcome, network: str | None, tried: int, declined_before: int
) -> Verdict:
    """`tried` are the tries of this payment so far; `declined_before` those of the card for the amount, in the cap's days,
    the one that was just declined not counted.
    """
    if tried >= rules.tries_max:
        return Verdict(False, f"{tried} tries are enough")
    if isinstance(outcome, NotSent):
        return Verdict(True, "it never left us")
    if isinstance(outcome, Rejected):
        return Verdict(True, "it was not processed")
    if not isinstance(outcome, Declined):
        return Verdict(False, f"{type(outcome).__name__} never fails over")
    return _after_decline(rules, outcome, network, declined_before)


def _after_decline(
    rules: Rules, declined: Declined, network: str | None, declined_before: int
) -> Verdict:
    if declined.reason not in rules.soft_declines:
        return Verdict(False, f"{declined.reason} is not among the soft declines")
    cap = rules.cap(network)
    if declined.network_code in cap.never:
        return Verdict(False, f"{network} forbids another try after {declined.network_code}")
    if declined_before + 1 >= cap.tries_max:
        return Verdict(False, f"{network} allows {cap.tries_max} tries in {cap.days} days")
    return Verdict(True, f"{declined.reason} is a soft decline")
