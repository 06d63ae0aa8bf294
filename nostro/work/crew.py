"""A bounded crew of tasks by name: one slow or failing item never stops the others, and none spins.

A name is at work once at a time. One that raised, or returned False for "not yet", is left alone for a while, twice as
long after each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nostro.kernel.clock import MINUTE, SECOND, SystemTime
from nostro.kernel.errors import CommitUnknown, Unavailable
from nostro.kernel.ports import Clock

FIRST_REST_MS = 1 * SECOND
LONGEST_REST_MS = 5 * MINUTE
RESTING_MAX = 10_000
log = logging.getLogger(__name__)


class Crew:
    """At most `size` tasks at a time."""

    def __init__(
        self, name: str, size: int, clock: Clock, longest_rest_ms: int = LONGEST_REST_MS
    ) -> None:
        self.name, self.size, self._clock = name, size, clock
        self._longest_rest_ms = longest_rest_ms
        self._working: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, tuple[SystemTime, int]] = {}

    @property
    def free(self) -> int:
        """How many more may start now."""
        return self.size - len(self._working)

    def busy(self) -> list[str]:
        """Names that are at work or at rest: a search for work leaves them out."""
        now = self._clock.system()
        resting = [name for name in self._resting if self._is_resting(name, now)]
        return [*self._working, *resting]

    def start(self, name: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Start it unless it is at work or at rest, or the crew is full."""
        if self._is_resting(name, self._clock.system()) or name in self._working or self.free <= 0:
            return False
        self._working[name] = asyncio.get_running_loop().create_task(self._see_to(name, work))
        return True

    def _is_resting(self, name: str, now: SystemTime) -> bool:
        """A rest longer than any was begun before the clock was set back, and is over."""
        until = self._resting.get(name, (now, 0))[0]
        return now < until <= now + self._longest_rest_ms

    def rest(self, name: str, its_own_fault: bool = True) -> None:
        """Leave a name alone for a while; longer each time until it succeeds, unless the database was at fault."""
        times = self._resting.get(name, (0, 0))[1] if its_own_fault else 0
        pause = min(self._longest_rest_ms, FIRST_REST_MS << min(times, 20))
        if len(self._resting) >= RESTING_MAX:
            self._resting.pop(next(iter(self._resting)))
        self._resting[name] = (SystemTime(self._clock.system() + pause), times + 1)

    async def close(self, patience_ms: int = 0) -> None:
        """Let the tasks finish for a while, then cancel them: their rows tell where to go on."""
        tasks = list(self._working.values())
        if tasks and patience_ms:
            await asyncio.wait(tasks, timeout=patience_ms / 1_000)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_to(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            if await work() is False:
                self.rest(name)
            else:
                self._resting.pop(name, None)
        except (Unavailable, CommitUnknown) as unavailable:
            log.warning("%s: %s rests: %s", self.name, name, unavailable)
            self.rest(name, its_own_fault=False)
        except Exception:
            log.exception("%s: %s failed and rests", self.name, name)
            self.rest(name)
        finally:
            del self._working[name]
