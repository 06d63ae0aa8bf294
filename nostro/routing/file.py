"""Routing rules from a TOML file (docs/howto/routing.md)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from nostro.kernel.errors import Misconfigured
from nostro.routing.mistakes import mistakes
from nostro.routing.model import Rules


def rules_from(path: Path | None, acquirers: Collection[str]) -> Rules:
    """The rules of a file, or none without one. Raises Misconfigured with what is wrong and where."""
    if path is None:
        return Rules()
    try:
        rules = msgspec.toml.decode(path.read_bytes(), type=Rules)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise Misconfigured(f"routing rules {path}: {error}") from error
    for wrong in mistakes(rules, acquirers):
        raise Misconfigured(f"routing rules {path}: {wrong}")
    return rules
