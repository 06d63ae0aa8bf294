"""Latencies of one run: every one is kept, so percentiles are exact.

Values are nanoseconds going in and milliseconds coming out. Not thread-safe.
"""

from array import array
from collections.abc import Sequence

NANOSECONDS_PER_MS = 1_000_000


def percentile(ordered: Sequence[int], fraction: float) -> int:
    """The nearest-rank percentile of values in ascending order. Raises ValueError if empty."""
    if not ordered:
        raise ValueError("no values, no percentile")
    rank = -(-len(ordered) * fraction // 1)
    return ordered[min(len(ordered), max(1, int(rank))) - 1]


class Latencies:
    """A growing list of latencies in nanoseconds."""

    def __init__(self) -> None:
        self._values = array("q")
        self.add = self._values.append

    def __len__(self) -> int:
        return len(self._values)

    def summary(self) -> dict[str, float] | None:
        """p50, p90, p99, p99.9 and the largest, in milliseconds; None when there are none."""
        if not self._values:
            return None
        ordered = sorted(self._values)
        points = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
        return {f"{name}_ms": _ms(percentile(ordered, at)) for name, at in points.items()}


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / NANOSECONDS_PER_MS, 3)
