"""Scenarios that look at the whole suite afterwards: did a card number get out anywhere?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nostro.acquirers.trial import Cards
from nostro.conformance.evidence import Evidence
from nostro.conformance.result import Result, Verdict

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ \u00a0_.-]{1,2}(?=\d)")
_NOWHERE = "a card number that is seen outside of the vault is a breach (PCI DSS 3.4.1)"
_HEADS = "request lines and headers end in other people's logs: card numbers belong in the body"


def review(evidence: Evidence, cards: Cards) -> list[Result]:
    """A result for each place where a card number has no business."""
    numbers = [card.number.reveal() for card in (cards.approved, cards.declined)]
    heads = [head.decode("latin-1") for head in evidence.request_heads]
    return [
        *_ended(evidence),
        _result("no card number in outcomes", _NOWHERE, evidence.values, numbers),
        _result("no card number in errors", _NOWHERE, evidence.errors, numbers),
        _result("no card number in logs", _NOWHERE, evidence.log, numbers),
        _result("no card number in print-outs", _NOWHERE, [evidence.printed], numbers),
        _result("no card number in addresses and headers", _HEADS, heads, numbers),
    ]


def _ended(evidence: Evidence) -> list[Result]:
    if not evidence.ended:
        return []
    names = ", ".join(sorted(set(evidence.ended)))
    sentence = f"tasks of the adapter's own raised {names}, {len(evidence.ended)} times"
    name, why = "no end of the program", "an adapter never ends the program that it is a part of"
    return [Result(name, why, Verdict.FAILED, len(evidence.ended), [sentence])]


def _ungrouped(text: str) -> str:
    """As cards show them, numbers come in groups."""
    return _BETWEEN_DIGITS.sub("", text)


def _result(name: str, why: str, texts: Sequence[str], numbers: Sequence[str]) -> Result:
    found = sum(any(number in _ungrouped(text) for number in numbers) for text in texts)
    failures = [f"{found} of {len(texts)} texts hold one"] if found else []
    return Result(name, why, Verdict.FAILED if found else Verdict.PASSED, len(texts), failures)
