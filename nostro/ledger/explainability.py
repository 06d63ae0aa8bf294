"""How much of the book is explained, as one number from 0 to 1: clearing times timeliness times completeness.

docs/reference/explainability.md defines each; per currency, since amounts of two currencies have no sum.
"""

from __future__ import annotations

import msgspec

from nostro.ledger.clearing import Item

SUSPENSE = "suspense"


class Score(msgspec.Struct, frozen=True):
    """The score of one currency and its factors. None: there was nothing to judge by."""

    clearing: float | None
    timeliness: float | None
    completeness: float | None

    @property
    def score(self) -> float | None:
        """The product of the factors that there are; None without any."""
        factors = [f for f in (self.clearing, self.timeliness, self.completeness) if f is not None]
        if not factors:
            return None
        product = 1.0
        for factor in factors:
            product *= factor
        return product


class Tally(msgspec.Struct):
    """The sums of one currency that its score is made of. Volumes in minor units."""

    due_volume: int = 0
    due_cleared_volume: int = 0
    judged: int = 0
    in_time: int = 0
    suspense_volume: int = 0

    def add(self, item: Item, now_ms: int) -> None:
        """Count an item as of an instant."""
        if now_ms - item.since_ms > item.limit_ms:
            self.due_volume += item.volume
            self.due_cleared_volume += item.volume if item.cleared_ms is not None else 0
        overdue = item.overdue(now_ms)
        if overdue or item.cleared_ms is not None:
            self.judged += 1
            self.in_time += not overdue
        if item.kind == SUSPENSE:
            self.suspense_volume += item.volume

    def score(self, total_volume: int) -> Score:
        """The score, given the posted volume of all transfers of the currency."""
        suspense = min(self.suspense_volume, total_volume)
        return Score(
            _share(self.due_cleared_volume, self.due_volume),
            _share(self.in_time, self.judged),
            _share(total_volume - suspense, total_volume),
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
