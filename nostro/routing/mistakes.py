"""What is wrong in a rule file, by its key. Pure. A rule that can never fit, or always would, is a mistake, not a wish."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from nostro.kernel.money import is_currency
from nostro.routing.caps import OwnCap
from nostro.routing.model import BreakerTerms, Rule, Rules
from nostro.routing.words import DECLINES, FINAL_DECLINES, NETWORKS

_PERCENT_MAX = 100
_RESPONSE_CODE = re.compile(r"[0-9A-Z]{2}")  # ISO 8583, field 39


def mistakes(rules: Rules, acquirers: Collection[str]) -> Iterator[str]:
    """A sentence for each, which begins with its key."""
    for number, rule in enumerate(rules.rules, 1):
        for wrong in _of_rule(rule, acquirers):
            yield f"rule {number} ({rule.acquirer}), {wrong}"
    if rules.tries_max < 1:
        yield "tries_max is 1 or more"
    yield from _of_declines(rules.soft_declines)
    for network, cap in rules.retry_caps.items():
        yield from _of_cap(network, cap)
    yield from _of_breaker(rules.breaker)


def of_network(name: str) -> str | None:
    """What is wrong with a card network's name, if anything."""
    if name in NETWORKS:
        return None
    near = name.strip().lower()
    advice = f"write {near}" if near in NETWORKS else f"there are {', '.join(NETWORKS)}"
    return f"{name!r} is no card network: {advice}"


def _of_rule(rule: Rule, acquirers: Collection[str]) -> Iterator[str]:
    if rule.acquirer not in acquirers:
        known = ", ".join(acquirers)
        yield f"acquirer: there is no acquirer {rule.acquirer!r}: there are {known}"
    for key in ("currencies", "networks", "merchants"):
        if getattr(rule, key) == ():
            yield f"{key} is empty, so nothing fits: leave it out to take all of them"
    for code in rule.currencies or ():
        if code != code.lower() or not is_currency(code):
            yield f"currencies: {code!r} is no currency: write usd"
    for wrong in filter(None, map(of_network, rule.networks or ())):
        yield f"networks: {wrong}"
    yield from _of_amounts(rule)


def _of_amounts(rule: Rule) -> Iterator[str]:
    if rule.amount_min < 0:
        yield "amount_min is 0 or more"
    if rule.amount_max is not None and rule.amount_max < 1:
        yield f"amount_max is {rule.amount_max}, so nothing fits: an amount is 1 or more"
    elif rule.amount_max is not None and rule.amount_max < rule.amount_min:
        yield f"amount_max is {rule.amount_max}, less than amount_min, {rule.amount_min}"
    for key in ("basis_points", "fixed"):
        if getattr(rule.cost, key) < 0:
            yield f"cost.{key} is 0 or more"


def _of_declines(codes: Collection[str]) -> Iterator[str]:
    for code in codes:
        if code in FINAL_DECLINES:
            yield f"soft_declines: {code!r} is final: no other acquirer may be tried after it"
        elif code not in DECLINES:
            near = code.strip().lower()
            advice = f"write {near}" if near in DECLINES else "see docs/howto/routing.md"
            yield f"soft_declines: {code!r} is no decline code: {advice}"


def _of_cap(network: str, cap: OwnCap) -> Iterator[str]:
    wrong = of_network(network)
    if wrong is not None:
        yield f"retry_caps.{network}: {wrong}"
    for code in cap.never:
        if not _RESPONSE_CODE.fullmatch(code):
            yield f"retry_caps.{network}.never: {code!r} is no response code: two digits or capitals, such as 05"
    if cap.tries_max is not None and cap.tries_max < 0:
        yield f"retry_caps.{network}.tries_max is 0 or more"
    if cap.days is not None and cap.days < 1:
        yield f"retry_caps.{network}.days is 1 or more"


def _of_breaker(terms: BreakerTerms) -> Iterator[str]:
    for key in ("window_ms", "calls_min", "open_ms", "open_longest_ms"):
        if getattr(terms, key) < 1:
            yield f"breaker.{key} is 1 or more"
    if terms.open_longest_ms < terms.open_ms:
        yield f"breaker.open_longest_ms is {terms.open_longest_ms}, less than open_ms, {terms.open_ms}"
    if not 1 <= terms.failures_percent <= _PERCENT_MAX:
        yield f"breaker.failures_percent is from 1 to {_PERCENT_MAX}"
