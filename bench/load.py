"""Drives a server with payments, closed loop or open loop, at little CPU of its own.

Closed loop: each of N connections sends its next request as soon as it has an answer. It says how
much a server can do; its latencies say little, since a slow server is asked less often.

Open loop: requests fall due on a fixed schedule whatever the server does, and a latency counts
from the time a request was due, not from when a connection was free to send it. So a pause of one
second is seen by every request that fell due during it (no coordinated omission). Requests that
are never answered count too, with the time they had waited when the run ended.

Everything happens in callbacks of one event loop: no task and no future per request.
"""

import asyncio
import gc
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.latency import Latencies
from bench.payments import succeeded
from bench.wire import Connection

NANOSECONDS = 1_000_000_000
LATE_NANOSECONDS = 1_000_000
CONNECT_SECONDS = 10.0

Next = Callable[[], bytes]
Check = Callable[[int, bytes], bool]


@dataclass
class Result:
    """What one run saw. Latencies are of requests that got an answer the check accepted, and in
    an open loop also of those that got none."""

    seconds: float = 0.0
    sent: int = 0
    accepted: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)
    unanswered: int = 0
    late: int = 0
    dropped: int = 0
    cpu_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Accepted answers per second of the measured time."""
        return self.accepted / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values for the report."""
        return {
            "per_second": round(self.per_second, 1),
            "seconds": round(self.seconds, 3),
            "sent": self.sent,
            "accepted": self.accepted,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "errors": dict(self.errors),
            "unanswered": self.unanswered,
            "late": self.late,
            "dropped": self.dropped,
            "latency": self.latencies.summary(),
            "generator_cpu_us_per_request": round(1e6 * self.cpu_seconds / max(1, self.sent), 1),
        }


class _Run:
    """What both loops share: connections, counting, and the end."""

    def __init__(self, host: str, port: int, following: Next, check: Check) -> None:
        self._host, self._port, self._next, self._check = host, port, following, check
        self._open: set[Connection] = set()
        self._over = False
        self.result = Result()

    async def connect(self, count: int) -> None:
        """Open `count` connections. Raises OSError or TimeoutError if the server takes none."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            for _ in range(count):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._answered, self._lost), self._host, self._port
                )
                self._open.add(connection)

    async def reconnect(self) -> None:
        """Replace a lost connection; a server that refuses is counted and asked again, slowly."""
        try:
            await self.connect(1)
        except (OSError, TimeoutError) as error:
            self.result.errors[f"connect: {type(error).__name__}"] += 1
            await asyncio.sleep(0.1)

    def _answered(self, connection: Connection, status: int, body: bytes) -> None:
        if connection.started is None:  # an answer nobody asked for
            self.result.errors["unexpected answer"] += 1
            connection.transport.abort()
            return
        now, started = time.perf_counter_ns(), connection.started
        connection.started = None
        if not self._over:
            self._count(status, body, now - started)
            self.free(connection, now)

    def _count(self, status: int, body: bytes, nanoseconds: int) -> None:
        result = self.result
        result.statuses[status] += 1
        if self._check(status, body):
            result.accepted += 1
            result.latencies.add(nanoseconds)

    def _lost(self, connection: Connection, reason: str) -> None:
        self._open.discard(connection)
        if self._over:
            return
        if connection.started is not None:
            self.result.unanswered += 1
            self.never_answered(connection.started)
        self.result.errors[reason] += 1
        self.lost()

    def send(self, connection: Connection, started: int) -> None:
        """Send the next request; its latency counts from `started`."""
        self.result.sent += 1
        connection.send(self._next(), started)

    def close(self) -> None:
        """Stop counting and close every connection, answered or not."""
        self._over = True
        now = [connection.started for connection in self._open]
        for started in now:
            if started is not None:
                self.result.unanswered += 1
                self.never_answered(started)
        for connection in list(self._open):
            connection.transport.abort()

    def free(self, connection: Connection, now: int) -> None:
        """A connection has been answered and may be used again."""
        raise NotImplementedError

    def never_answered(self, started: int) -> None:
        """A request sent will get no answer. A closed loop leaves it out of its latencies."""

    def lost(self) -> None:
        """A connection ended during the run."""


class _Closed(_Run):
    """A lost connection is replaced at the end of the current tick by `hold`."""

    deadline = 0

    def free(self, connection: Connection, now: int) -> None:
        if now < self.deadline:
            self.send(connection, now)

    async def hold(self, connections: int, drain_seconds: float) -> None:
        """Keep `connections` busy until the deadline, then wait for the last answers."""
        for connection in tuple(self._open):
            self.send(connection, time.perf_counter_ns())
        while (left := self.deadline - time.perf_counter_ns()) > 0:
            await asyncio.sleep(min(0.05, left / NANOSECONDS))
            if len(self._open) < connections and time.perf_counter_ns() < self.deadline:
                await self._replace()
        give_up = time.perf_counter() + drain_seconds
        while self._busy() and time.perf_counter() < give_up:
            await asyncio.sleep(0.002)

    async def _replace(self) -> None:
        before = set(self._open)
        await self.reconnect()
        for connection in self._open - before:
            self.send(connection, time.perf_counter_ns())

    def _busy(self) -> bool:
        return any(connection.started is not None for connection in self._open)


class _Open(_Run):
    """Requests due and not yet sent wait in `_due`, oldest first."""

    def __init__(self, host: str, port: int, following: Next, check: Check) -> None:
        super().__init__(host, port, following, check)
        self._idle: deque[Connection] = deque()
        self._due: deque[int] = deque()
        self._reconnects: set[asyncio.Task[None]] = set()
        self.arrived = 0

    def start(self) -> None:
        """Every connection opened so far is idle."""
        self._idle.extend(self._open)

    def arrive(self, due: int) -> None:
        """A request fell due at `due`."""
        self.arrived += 1
        self._due.append(due)
        self._send_due()

    def free(self, connection: Connection, now: int) -> None:
        self._idle.append(connection)
        self._send_due()

    def _send_due(self) -> None:
        while self._due and self._idle:
            connection = self._idle.popleft()
            if connection not in self._open:
                continue
            due = self._due.popleft()
            if time.perf_counter_ns() - due > LATE_NANOSECONDS:
                self.result.late += 1
            self.send(connection, due)

    def never_answered(self, started: int) -> None:
        self.result.latencies.add(time.perf_counter_ns() - started)

    def lost(self) -> None:
        task = asyncio.get_running_loop().create_task(self._refill())
        self._reconnects.add(task)
        task.add_done_callback(self._reconnects.discard)

    async def _refill(self) -> None:
        before = set(self._open)
        await self.reconnect()
        self._idle.extend(self._open - before)
        self._send_due()

    def drop_the_rest(self) -> None:
        """What was never sent is dropped, and counts as having waited until now."""
        for task in tuple(self._reconnects):
            task.cancel()
        for due in self._due:
            self.result.dropped += 1
            self.never_answered(due)

    def quiet(self) -> bool:
        """Nothing is due and nothing is under way."""
        return not self._due and all(c.started is None for c in self._open)


async def closed_loop(
    host: str,
    port: int,
    following: Next,
    *,
    seconds: float,
    connections: int = 64,
    drain_seconds: float = 10.0,
    check: Check = succeeded,
) -> Result:
    """Keep `connections` busy for `seconds`, then wait at most `drain_seconds` for the last.

    The rate is of answers until the last one arrived, over the time until then.
    Raises OSError or TimeoutError when no connection can be opened at the start.
    """
    run = _Closed(host, port, following, check)
    await run.connect(connections)
    with _measured(run.result):
        run.deadline = time.perf_counter_ns() + int(seconds * NANOSECONDS)
        await run.hold(connections, drain_seconds)
    run.close()
    return run.result


async def open_loop(
    host: str,
    port: int,
    following: Next,
    *,
    rate: float,
    seconds: float,
    connections: int = 64,
    drain_seconds: float = 10.0,
    check: Check = succeeded,
) -> Result:
    """Send `rate` requests a second for `seconds`, on time, whatever the server does.

    `late` counts requests sent more than a millisecond after they were due, `dropped` those for
    which no connection came free. Raises like `closed_loop`.
    """
    run = _Open(host, port, following, check)
    await run.connect(connections)
    run.start()
    total, stop = round(rate * seconds), threading.Event()
    pacer = threading.Thread(
        target=_pace, args=(asyncio.get_running_loop(), run, rate, total, stop), daemon=True
    )
    with _measured(run.result):
        pacer.start()
        try:
            await _until_done(run, total, seconds + drain_seconds)
        finally:
            stop.set()
            pacer.join()
    run.drop_the_rest()
    run.close()
    return run.result


async def _until_done(run: _Open, total: int, seconds: float) -> None:
    give_up = time.perf_counter() + seconds
    while time.perf_counter() < give_up:
        await asyncio.sleep(0.01)
        if run.arrived == total and run.quiet():
            return


def _pace(
    loop: asyncio.AbstractEventLoop, run: _Open, rate: float, total: int, stop: threading.Event
) -> None:
    """A thread, because the timers of event loops are a millisecond coarse and a sleep is not."""
    begin = time.perf_counter_ns() + NANOSECONDS // 100
    for number in range(total):
        due = begin + int(number * NANOSECONDS / rate)
        while (left := due - time.perf_counter_ns()) > 0:
            time.sleep(left / NANOSECONDS)
        if stop.is_set():
            return
        loop.call_soon_threadsafe(run.arrive, due)


@contextmanager
def _measured(result: Result) -> Iterator[None]:
    """Clock the run and its own CPU; the garbage collector would show up as the server's pauses."""
    gc.collect()
    gc.disable()
    began, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        result.seconds = time.perf_counter() - began
        result.cpu_seconds = time.process_time() - cpu
        gc.enable()
