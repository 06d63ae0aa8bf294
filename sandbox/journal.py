"""Structured log: one JSON object per line on standard output."""

import sys
import time

import msgspec


def journal(event: str, **facts: object) -> None:
    """Write one line; never given card data."""
    line = {"time_ms": time.time_ns() // 1_000_000, "program": "sandbox", "event": event, **facts}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
