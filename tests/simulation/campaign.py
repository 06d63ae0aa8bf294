"""Many seeds: in a process of its own for every few, since what dead hosts left is never let go."""

import logging
import multiprocessing
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from nostro.db.urls import ConnectionUrls
from tests.database import TestServer
from tests.simulation.run import Outcome, Place, simulate
from tests.simulation.saboteurs import sabotaged

CHUNK = 20
MARKS = (
    "batch larger than one",
    "one key twice in one batch",
    "refusal inside a batch",
    "commit in doubt of a batch larger than one",
    "CommitUnknown of a batch larger than one",
    "in doubt, and committed",
    "in doubt, and not committed",
    "late original refused by a tombstone",
    "stolen lease",
    "stall between intend and send",
    "recovered key",
    "webhook retried",
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
        return [mark for mark in MARKS if not self.marks[mark]]


@dataclass(frozen=True)
class Order:
    """What a process is to do."""

    urls: ConnectionUrls
    seeds: Sequence[int]
    minutes: float
    saboteur: str | None = None
    recording: bool = False


def work(order: Order, send: Callable[[Outcome], None]) -> None:
    """Simulate the seeds of an order, one after the other."""
    place = Place(order.urls.app, order.urls.owner, order.urls.read_only)
    with sabotaged(order.saboteur):
        for seed in order.seeds:
            send(simulate(place, seed, order.minutes, order.recording))


def _process(order: Order, pipe: "Connection[Any, Any]") -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    work(order, pipe.send)
    pipe.send(None)
    sys.stdout.flush()
    os._exit(0)  # nothing is tidied up: tidying would run what must not run


def outcomes(
    server: TestServer,
    seeds: Sequence[int],
    minutes: float,
    jobs: int,
    saboteur: str | None = None,
    recording: bool = False,
) -> Iterator[Outcome]:
    """Simulate seeds side by side; outcomes in the order in which they come. Closing it ends the processes."""
    context = multiprocessing.get_context("spawn")
    rest = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)][::-1]
    running: dict[Any, tuple[Any, ConnectionUrls]] = {}
    try:
        while rest or running:
            while rest and len(running) < jobs:
                urls = server.create()
                ours, theirs = context.Pipe(duplex=False)
                order = Order(urls, rest.pop(), minutes, saboteur, recording)
                process = context.Process(target=_process, args=(order, theirs), daemon=True)
                process.start()
                theirs.close()
                running[ours] = (process, urls)
            for pipe in wait(list(running)):
                try:
                    found = pipe.recv()  # type: ignore[union-attr]
                except EOFError:
                    found = RuntimeError
                if isinstance(found, Outcome):
                    yield found
                    continue
                process, urls = running.pop(pipe)
                process.join()
                server.drop(urls)
                if found is RuntimeError:
                    raise RuntimeError("a process of the simulation ended early")
    finally:
        for process, _ in running.values():
            process.terminate()
            process.join()


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
