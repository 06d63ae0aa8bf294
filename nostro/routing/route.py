"""Which acquirers may take a payment, in which order, and why. Pure.

`health` names the acquirers whose circuit is open now, each with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nostro.routing.model import Candidate, Facts, LeftOut, Route, Routes, Rule

Health = Mapping[str, str]
NO_RULES = "there are no rules: the order of the settings"


def route(routes: Routes, facts: Facts, health: Health) -> Route:
    """Every acquirer, as a candidate or left out, with the reasons."""
    placed = [_place(routes, facts, health, acquirer) for acquirer in routes.acquirers]
    candidates = [place for place in placed if isinstance(place, Candidate)]
    candidates.sort(key=lambda candidate: (candidate.priority, candidate.cost))  # stable
    return Route(tuple(candidates), tuple(place for place in placed if isinstance(place, LeftOut)))


def first(routes: Routes, facts: Facts, health: Health) -> str | None:
    """The acquirer to try first; None if no rule lets any take it.

    If nothing but circuits is in the way, it is the first of these: the call is then refused unsent.
    """
    if not routes.rules.rules and routes.acquirers[0] not in health:
        return routes.acquirers[0]
    found = route(routes, facts, health)
    if found.candidates:
        return found.candidates[0].acquirer
    return next((place.acquirer for place in found.left_out if place.for_now), None)


def after(routes: Routes, facts: Facts, health: Health, tried: tuple[str, ...]) -> str | None:
    """The next to try after those that were tried; None if there is none."""
    candidates = route(routes, facts, health).candidates
    return next((each.acquirer for each in candidates if each.acquirer not in tried), None)


def _place(routes: Routes, facts: Facts, health: Health, acquirer: str) -> Candidate | LeftOut:
    found = _fitting(routes, facts, acquirer)
    if isinstance(found, LeftOut):
        return found
    if acquirer in health:
        return LeftOut(acquirer, (health[acquirer],), for_now=True)
    return found


def _fitting(routes: Routes, facts: Facts, acquirer: str) -> Candidate | LeftOut:
    if not routes.rules.rules:
        return Candidate(acquirer, 0, 0, (NO_RULES,))
    own = [rule for rule in routes.rules.rules if rule.acquirer == acquirer]
    if not own:
        return LeftOut(acquirer, ("no rule names it",))
    fitting = [rule for rule in own if not any(_misfits(rule, facts))]
    if not fitting:
        return LeftOut(acquirer, tuple("; ".join(_misfits(rule, facts)) for rule in own))
    best = min(fitting, key=lambda rule: (rule.priority, rule.cost.of(facts.amount)))
    cost = best.cost.of(facts.amount)
    reasons = (*_fits(best), f"priority {best.priority}", f"costs {cost}")
    return Candidate(acquirer, best.priority, cost, reasons)


def _misfits(rule: Rule, facts: Facts) -> Iterator[str]:
    if rule.currencies is not None and facts.currency not in rule.currencies:
        yield f"{facts.currency} is none of its currencies ({', '.join(rule.currencies)})"
    if rule.networks is not None and facts.network not in rule.networks:
        yield f"{facts.network or 'no network'} is none of its networks ({', '.join(rule.networks)})"
    if rule.merchants is not None and facts.merchant not in rule.merchants:
        yield f"{facts.merchant} is none of its merchants"
    if facts.amount < rule.amount_min:
        yield f"{facts.amount} is less than {rule.amount_min}"
    if rule.amount_max is not None and facts.amount > rule.amount_max:
        yield f"{facts.amount} is more than {rule.amount_max}"


def _fits(rule: Rule) -> Iterator[str]:
    for name in ("currencies", "networks", "merchants"):
        if getattr(rule, name) is not None:
            yield f"its {name} fit"
    if rule.amount_min or rule.amount_max is not None:
        yield "the amount fits"
