"""The only reader of time and entropy."""

from __future__ import annotations

import asyncio
import os
import time

from nostro.kernel.clock import BusinessTime, SystemTime

_BLOCK_BYTES = 4_096


class SystemClock:
    """The machine's clock, for both kinds of time."""

    def business(self) -> BusinessTime:
        """Now, as books see it; a test book's own advance is added by its head."""
        return BusinessTime(time.time_ns() // 1_000_000)

    def system(self) -> SystemTime:
        """Now, as leases and deadlines see it."""
        return SystemTime(time.time_ns() // 1_000_000)

    async def sleep(self, milliseconds: int) -> None:
        """Wait without holding up others."""
        await asyncio.sleep(milliseconds / 1_000)


class SystemEntropy:
    """The kernel's random bytes, drawn in blocks: a system call for each id would be seen in the budget."""

    def __init__(self) -> None:
        self._block, self._at = b"", 0
        os.register_at_fork(after_in_child=self._forget)

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes, never handed out twice; a forked process draws its own."""
        if self._at + count > len(self._block):
            self._block, self._at = os.urandom(max(_BLOCK_BYTES, count)), 0
        self._at += count
        return self._block[self._at - count : self._at]

    def _forget(self) -> None:
        self._block, self._at = b"", 0


def nanoseconds() -> int:
    """A clock that only measures how long something took."""
    return time.perf_counter_ns()
