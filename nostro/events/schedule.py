"""When a failed delivery is tried again: a table, with jitter, over three days. Pure."""

from __future__ import annotations

import hashlib

from nostro.kernel.clock import HOUR, MINUTE, SECOND

# Pauses after the first, second, … failed attempt, in milliseconds; together 72 hours and half a minute.
PAUSES_MS = (
    5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 47 * MINUTE, 1 * HOUR, 3 * HOUR, 6 * HOUR,
    12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 13 * HOUR,
)  # fmt: skip
JITTER = 0.1  # of the pause, added or taken away


def pause_after(attempts: int, seed: bytes) -> int | None:
    """Milliseconds to wait after that many failed attempts; None when it is given up."""
    if attempts > len(PAUSES_MS):
        return None
    pause = PAUSES_MS[attempts - 1]
    return round(pause * (1 + JITTER * _fraction(seed)))


def _fraction(seed: bytes) -> float:
    """Between -1 and 1, the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(b"jitter" + seed).digest()[:4], "big")
    return number / 2**31 - 1
