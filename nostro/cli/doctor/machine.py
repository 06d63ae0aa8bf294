"""The machine: Python, its clock, its disk."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from nostro.cli.doctor.line import Line, fail, ok, warn
from nostro.system import SystemClock, nanoseconds

OLDEST_PYTHON = (3, 11)
SYNCS, SYNC_BYTES = 30, 8_192
SLOW_SYNC_MS = 10.0
# Faster than any disk: it is memory, or a cache that has to have a battery.
IMPLAUSIBLE_SYNC_MS = 0.02
# 2026-01-01, before this program existed; 2100-01-01.
EARLIEST_MS, LATEST_MS = 1_767_225_600_000, 4_102_444_800_000


def python() -> Line:
    """Is this Python new enough, and are its assertions on?"""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return fail("Python", found, "Install Python 3.11 or newer and run `make setup` again.")
    if sys.flags.optimize:
        return fail("Python", f"{found} with -O", "Run without -O: checks of money would be off.")
    return ok("Python", found)


def clock() -> Line:
    """Is the machine's clock in this century's right part?"""
    now = SystemClock().system()
    if EARLIEST_MS <= now <= LATEST_MS:
        return ok("clock", "plausible")
    return fail("clock", f"{now} ms since 1970", "Set the clock; keep it right with NTP.")


def disk(data_dir: Path) -> Line:
    """How long does the disk below the data directory take to keep 8 KB?"""
    directory = data_dir if data_dir.is_dir() else Path.cwd()
    try:
        median = _sync_ms(directory)
    except OSError as error:
        return fail("disk", str(error), f"Make {directory} writable, or choose another --data-dir.")
    found = f"fdatasync takes {median:.2f} ms (median of {SYNCS})"
    if median > SLOW_SYNC_MS:
        return warn("disk", found, "Each payment waits for it twice: prefer an SSD.")
    if median < IMPLAUSIBLE_SYNC_MS:
        return warn("disk", found, "Memory is no disk: after a power cut nothing would be left.")
    return ok("disk", found)


def _sync_ms(directory: Path) -> float:
    took = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(SYNCS):
            began = nanoseconds()
            os.write(file.fileno(), b"\0" * SYNC_BYTES)
            os.fdatasync(file.fileno())
            took.append((nanoseconds() - began) / 1e6)
    return statistics.median(took)
