"""An event loop in virtual time whose order is a seed's, and hosts that lose power, stall and have wrong clocks.

Nothing sleeps: when nobody is ready, time jumps to the next timer. Who goes next among the ready is drawn.
"""

import asyncio
import collections
import hashlib
import random
from asyncio import base_events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

EPOCH_MS = 1_767_225_600_000  # 2026-01-01, where every simulation begins
STEPS_MAX = 20_000_000
LAST_EVENTS = 4_000


class Stuck(Exception):
    """Nothing is ready and nothing is scheduled, or the steps never end."""


class _Task(asyncio.Task[Any]):
    """A task whose place in a set is its number's, not its address's: a task group cancels in a set's order."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class Host:
    """A machine from one start to its power cut. Its clock may be wrong, its tasks may be frozen."""

    def __init__(self, name: str, instance: str) -> None:
        self.name, self.instance = name, instance
        self.alive = True
        self.clock_ms = 0  # ahead of the true time
        self.frozen_until = 0.0
        self.frozen: list[Any] = []


HOST: ContextVar[Host | None] = ContextVar("host", default=None)


class _Nothing:
    """In place of a handle that must not run."""

    _cancelled = True
    _source_traceback = None


NOTHING = _Nothing()


class _Ready(collections.deque[Any]):
    """Handles that are ready; taking one takes any."""

    def __init__(self, loop: "SimLoop") -> None:
        super().__init__()
        self.loop = loop

    def popleft(self) -> Any:
        loop = self.loop
        if len(self) > 1:
            place = int(loop.order.random() * len(self))
            self.rotate(-place)
            handle = super().popleft()
            self.rotate(place)
        else:
            handle = super().popleft()
        return handle if handle._cancelled else loop.admitted(handle)


class _Selector:
    """Waits by moving the clock."""

    def __init__(self, loop: "SimLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is ready and nothing is scheduled")
        if timeout > 0:
            self._loop.now += timeout
        return []

    def close(self) -> None:
        """Nothing to close."""


class SimLoop(base_events.BaseEventLoop):
    """The loop of one seed. `rng` is for whatever the world draws, `order` for the schedule alone."""

    def __init__(self, seed: int, recording: bool = False) -> None:
        super().__init__()
        self.now = 0.0
        self.leap_ms = 0  # what the world's clocks are ahead of the timers
        self.steps = 0
        self.rng = random.Random(f"world {seed}")
        self.order = random.Random(f"order {seed}")
        self.digest = hashlib.blake2b(digest_size=12)
        self.events: collections.deque[str] | None = (
            collections.deque(maxlen=LAST_EVENTS) if recording else None
        )
        self.on_step: Callable[[Host], bool] | None = None
        self._ready = _Ready(self)
        self._selector = _Selector(self)
        self._clock_resolution = 1e-9
        self._kept: list[Any] = []  # whatever is let go runs its `finally`
        self.set_task_factory(self._task)

    def time(self) -> float:
        return self.now

    def true_ms(self) -> int:
        """The time of the world, in milliseconds since the epoch."""
        return EPOCH_MS + int(self.now * 1_000) + self.leap_ms

    def admitted(self, handle: Any) -> Any:
        """The handle, unless its host is dead or frozen."""
        host = handle._context.get(HOST) if handle._context is not None else None
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Stuck("this never ends")
        if host is None:
            return handle
        if not host.alive or (self.on_step is not None and not self.on_step(host)):
            self._kept.append(handle)
            return NOTHING
        if host.frozen_until > self.now:
            host.frozen.append(handle)
            return NOTHING
        self.digest.update(b"%d %s " % (int(self.now * 1e6), host.name.encode()))
        return handle

    def note(self, what: str, detail: str = "") -> None:
        """Something happened: part of the digest, and of the trace while one is recorded.

        `detail` is for people alone: it may name ids, which differ from book to book.
        """
        self.digest.update(what.encode())
        if self.events is not None:
            host = HOST.get()
            name = host.instance if host else "world"
            self.events.append(f"{self.now:10.4f} {name:12} {what} {detail}")

    def outside(self, seconds: float, callback: Callable[..., object], *given: Any) -> None:
        """Call later, whatever becomes of the host that is running now."""
        self.call_later(seconds, callback, *given, context=Context())

    def on_host(self, host: Host | None, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin work on a host (None: in the world outside)."""
        context = copy_context()
        context.run(HOST.set, host)
        return self.create_task(work, context=context)

    def cut_power(self, host: Host) -> None:
        """Nothing of the host runs any more, no `finally` either."""
        host.alive = False
        self._kept += host.frozen
        host.frozen = []

    def freeze(self, host: Host, seconds: float) -> None:
        """Nothing of the host runs for a while."""
        host.frozen_until = max(host.frozen_until, self.now + seconds)
        self.outside(seconds, self._thaw, host)

    def _thaw(self, host: Host) -> None:
        if host.frozen_until <= self.now + 1e-6:
            host.frozen_until = 0.0
            handles, host.frozen = host.frozen, []
            self._ready.extend(handles)

    def _task(self, loop: Any, work: Any, **given: Any) -> Any:
        task = _Task.__new__(_Task)
        task.number = len(self._kept)
        task.__init__(work, loop=loop, **given)  # type: ignore[misc]
        # Nobody asks for all tasks, and those of dead hosts would be among them for ever.
        asyncio._unregister_task(task)
        self._kept.append(task)
        return task

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is nobody to wake."""


class SimClock:
    """Both kinds of time, as one host sees them."""

    def __init__(self, loop: SimLoop, host: Host, days: Callable[[], int]) -> None:
        self._loop, self._host, self._days = loop, host, days

    def system(self) -> Any:
        return self._loop.true_ms() + self._host.clock_ms

    def business(self) -> Any:
        return self.system() + self._days()

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1_000)


class SimEntropy:
    """Bytes of a seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)
