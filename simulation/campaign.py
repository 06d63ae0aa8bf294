"""Many seeds: in a process of its own for every few, since what dead hosts left is never let go."""

import gc
import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any, Protocol, cast

from nostro.db.urls import ConnectionUrls
from simulation.exhaustive import FLOWS, crashes, interrupt, pairs
from simulation.mistakes import listen
from simulation.run import Outcome, Place, simulate
from simulation.saboteurs import sabotaged
from simulation.server import TestServer

CHUNK = 50
# Seen once in some hundred seeds: asked for in long campaigns alone.
RARE_MARKS = ("CommitUnknown of a batch larger than one",)
RARE_FROM_SEEDS = 1_000
MARKS = (
    "batch larger than one",
    "one key twice in one batch",
    "refusal inside a batch",
    "commit in doubt of a batch larger than one",
    "in doubt, and committed",
    "in doubt, and not committed",
    "late original refused by a tombstone",
    "stolen lease",
    "stall between intend and send",
    "recovered key",
    "webhook retried",
    "another acquirer, and one had declined",
    "another acquirer, and one had not_sent",
    "a circuit opened",
    "a repeat was refused",
    "a report line settled an unknown",
    "a notification settled an unknown",
    "a message waits in a queue",
    "a message past its replay window",
)


@dataclass
class Tally:
    """What a campaign saw."""

    seeds: int = 0
    virtual_seconds: float = 0.0
    cpu_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count a seed."""
        self.seeds += 1
        self.virtual_seconds += outcome.virtual_seconds
        self.cpu_seconds += outcome.seconds
        self.counts += outcome.counts
        self.marks += outcome.marks
        self.digests[outcome.seed] = outcome.digest
        if outcome.faults:
            self.failures.append(outcome)

    def missing(self) -> list[str]:
        """Marks that must have happened, and did not."""
        wanted = MARKS if self.seeds < RARE_FROM_SEEDS else (*MARKS, *RARE_MARKS)
        return [mark for mark in wanted if not self.marks[mark]]


Send = Callable[[Outcome], None]


class Order(Protocol):
    """What one process is to do, in a database of its own."""

    def work(self, place: Place, send: Send) -> None: ...


@dataclass(frozen=True)
class Seeds:
    """Some seeds, one after the other."""

    seeds: Sequence[int]
    minutes: float
    saboteur: str | None = None
    recording: bool = False

    def work(self, place: Place, send: Send) -> None:
        with sabotaged(self.saboteur):
            for seed in self.seeds:
                send(simulate(place, seed, self.minutes, self.recording))


@dataclass(frozen=True)
class Crashes:
    """Every crash of one flow, or every `share`th."""

    flow: str
    share: int = 1

    def work(self, place: Place, send: Send) -> None:
        for crash in list(crashes(place, self.flow))[:: self.share]:
            send(interrupt(place, self.flow, crash))


@dataclass(frozen=True)
class Pairs:
    """Every pair of crashes of one flow, or of every `share`th crash every `share`th."""

    flow: str
    share: int = 1

    def work(self, place: Place, send: Send) -> None:
        for crash in pairs(place, self.flow, self.share):
            send(interrupt(place, self.flow, crash))


def _process(order: Order, urls: ConnectionUrls, pipe: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    listen()
    warnings.simplefilter("ignore")
    gc.disable()  # collecting what a dead host left would run its `finally`
    try:
        order.work(Place(urls.app, urls.owner, urls.read_only), pipe.send)
        pipe.send(None)
    except BaseException:  # noqa: BLE001  shown, and the process ends as it would anyway
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)  # nothing is tidied up: tidying would run what must not run


def side_by_side(
    server: TestServer, orders: Sequence[Order], jobs: int
) -> Iterator[tuple[Order, Outcome]]:
    """Work off orders, each in a process; outcomes as they come. Closing the iterator ends the processes."""
    os.environ.setdefault("PYTHONHASHSEED", "0")
    context = multiprocessing.get_context("spawn")
    rest = list(orders)[::-1]
    running: dict[Any, tuple[Any, ConnectionUrls, Order]] = {}
    try:
        while rest or running:
            while rest and len(running) < jobs:
                urls, order = server.create(), rest.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_process, args=(order, urls, theirs), daemon=True)
                process.start()
                theirs.close()
                running[ours] = (process, urls, order)
            for pipe in cast(list[Any], wait(list(running))):
                process, urls, order = running[pipe]
                try:
                    found = pipe.recv()
                except EOFError:
                    raise RuntimeError(f"the process of {order} ended early") from None
                if found is not None:
                    yield order, found
                    continue
                process.join()
                del running[pipe]
                server.drop(urls)
    finally:
        for process, _, _ in running.values():
            process.terminate()
            process.join()


def outcomes(
    server: TestServer,
    seeds: Sequence[int],
    minutes: float,
    jobs: int,
    saboteur: str | None = None,
    recording: bool = False,
) -> Iterator[Outcome]:
    """Simulate seeds side by side."""
    orders = [
        Seeds(seeds[at : at + CHUNK], minutes, saboteur, recording)
        for at in range(0, len(seeds), CHUNK)
    ]
    for _, outcome in side_by_side(server, orders, jobs):
        yield outcome


def enumerate_crashes(
    server: TestServer, jobs: int, share: int = 1, kind: type[Crashes] | type[Pairs] = Crashes
) -> tuple[Counter[str], list[tuple[str, Outcome]]]:
    """Interrupt every flow everywhere, or at every `share`th place; runs by flow, and what went wrong."""
    runs: Counter[str] = Counter()
    failures: list[tuple[str, Outcome]] = []
    orders = [kind(flow, share) for flow in FLOWS]
    for order, outcome in side_by_side(server, orders, jobs):
        assert isinstance(order, kind)
        runs[order.flow] += 1
        if outcome.faults:
            failures.append((order.flow, outcome))
    return runs, failures


def run(
    server: TestServer,
    seeds: Sequence[int],
    minutes: float,
    jobs: int,
    saboteur: str | None = None,
    stop_at_failure: bool = False,
    tell: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """A whole campaign."""
    tally = Tally()
    for outcome in outcomes(server, seeds, minutes, jobs, saboteur):
        tally.add(outcome)
        tell(tally)
        if stop_at_failure and tally.failures:
            break
    return tally
