"""Routing rules from a TOML file (docs/howto/routing.md)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from nostro.kernel.errors import Misconfigured
from nostro.kernel.money import is_currency
from nostro.routing.model import Rules


def rules_from(path: Path | None, acquirers: Collection[str]) -> Rules:
    """The rules of a file, or none without one. Raises Misconfigured with what is wrong and where."""
    if path is None:
        return Rules()
    try:
        rules = msgspec.toml.decode(path.read_bytes(), type=Rules)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise Misconfigured(f"routing rules {path}: {error}") from error
    for wrong in _wrong(rules, acquirers):
        raise Misconfigured(f"routing rules {path}: {wrong}")
    return rules


def _wrong(rules: Rules, acquirers: Collection[str]) -> list[str]:
    found = [
        f"there is no acquirer {rule.acquirer!r}: there are {', '.join(acquirers)}"
        for rule in rules.rules
        if rule.acquirer not in acquirers
    ]
    codes = [code for rule in rules.rules for code in rule.currencies or ()]
    found += [f"{code!r} is no currency: write usd" for code in codes if not _is_currency(code)]
    return found + (["tries_max is 1 or more"] if rules.tries_max < 1 else [])


def _is_currency(code: str) -> bool:
    return code == code.lower() and is_currency(code)
