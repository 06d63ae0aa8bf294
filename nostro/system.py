"""The only reader of time and entropy."""

from __future__ import annotations

import asyncio
import os
import time

from nostro.kernel.clock import BusinessTime, SystemTime


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
    """The kernel's random bytes."""

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        return os.urandom(count)
