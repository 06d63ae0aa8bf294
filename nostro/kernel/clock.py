"""Two kinds of time that must never be mixed.

Business time is what a book believes (due dates, available_on, expiry of holds): a test book's can be advanced.
System time is what the machine believes (leases, send_by, back-off, age of keys).
Both are whole milliseconds since the epoch, UTC; being different types, adding or comparing them is a type error.
"""

from __future__ import annotations

from typing import NewType

BusinessTime = NewType("BusinessTime", int)
SystemTime = NewType("SystemTime", int)

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def seconds(at: BusinessTime | SystemTime) -> int:
    """Whole seconds since the epoch, as the wire shows time."""
    return at // SECOND


def start_of_day(at: BusinessTime) -> BusinessTime:
    """Midnight UTC of the day that holds `at`."""
    return BusinessTime(at - at % DAY)
