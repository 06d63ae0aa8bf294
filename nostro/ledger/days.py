"""Days of the ledger: numbers since 1970-01-01 (UTC), and how PostgreSQL writes them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from nostro.kernel.clock import DAY

_EPOCH = date(1970, 1, 1).toordinal()
LAST_DAY = date.max.toordinal() - _EPOCH


def day_of(at_ms: int) -> int:
    """The day of an instant in milliseconds."""
    return at_ms // DAY


@lru_cache(maxsize=4_096)
def date_of(day: int) -> str:
    """A day as `YYYY-MM-DD`. Raises ValueError for one that no calendar has."""
    return date.fromordinal(_EPOCH + day).isoformat()


def day_from(text: str) -> int:
    """The day of `YYYY-MM-DD`, and of no other way that ISO 8601 has to write one. Raises ValueError."""
    found = date.fromisoformat(text)
    if found.isoformat() != text:
        raise ValueError(f"{text!r} is not written as YYYY-MM-DD")
    return found.toordinal() - _EPOCH
