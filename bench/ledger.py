"""Nostro's ledger alone: transfers through the committer, with every check, hash, log and audit.

A call is one PostTransfers; making the command, which checks its transfers, is inside the clock,
making the transfers is not. What the ledger answers is compared with what it must answer.
"""

import asyncio
import gc
import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from bench import database
from bench.latency import Latencies
from bench.ledger_batches import CAPPED_ACCOUNTS, CURRENCY, Batches, Call, Make, capped
from bench.metering import Meter, Spent, Work
from nostro.db.committer import Committer
from nostro.db.migrate import migrate_blocking
from nostro.db.pool import Pool
from nostro.db.session import Session
from nostro.db.snapshot import snapshot
from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import LimitChange, Limits
from nostro.ledger.books import open_book
from nostro.ledger.commands import PostTransfers, SetLimits
from nostro.ledger.refusals import Refusal
from nostro.system import SystemClock, SystemEntropy
from nostro.verification.service import QUERIES

DATABASE = "nostro_bench_ledger"
BOOK = 1
CALLERS = 16
CALL_MAX = 1_000  # transfers
WARM_SECONDS = 0.2
MARGIN = 2.0  # how many more calls are made than the warm-up says will be needed
# Those of `nostro verify` that are true of a ledger with no payments behind it.
CHECKS = (
    "transfer_entries", "transfer_currency", "trial_balance", "account_balances", "entry_chain",
    "transfer_sequence", "batch_sequence", "batch_transfers", "burned_ids", "hold_fold",
    "pending_balances", "audit_sequence",
)  # fmt: skip

T = TypeVar("T")


class WrongOutcome(Exception):
    """The ledger accepted or refused what it should not have."""


@dataclass(frozen=True)
class Phase:
    """One row of the table: which transfers, how many in a call, how many callers at once."""

    name: str
    mix: str
    size: int
    callers: int = 1


PHASES = (
    Phase("random_1", "random", 1),
    Phase("random_1_16_callers", "random", 1, CALLERS),
    Phase("random_10", "random", 10),
    Phase("random_100", "random", 100),
    Phase("random_1000", "random", CALL_MAX),
    Phase("rejected_1000", "rejected", CALL_MAX),
    Phase("two_phase_1000", "two_phase", CALL_MAX),
    Phase("hot_1000", "hot", CALL_MAX),
    Phase("hot_100", "hot", 100),
    Phase("hot_10", "hot", 10),
    Phase("hot_1", "hot", 1),
    Phase("hot_1_16_callers", "hot", 1, CALLERS),
)


class LedgerBook:
    """A database of its own with one book, on the server of a data directory."""

    def __init__(
        self, admin_url: str, urls: ConnectionUrls, server_pid: int, accounts: int
    ) -> None:
        database.create(admin_url, DATABASE)
        migrate_blocking(urls.owner)
        self._urls, self._batches = urls, Batches(accounts, seed=1)
        self._accounts = accounts
        self._meter = Meter(database.at(admin_url, DATABASE), server_pid)
        run(self._fill())

    def close(self) -> None:
        """Close the connection of the meter."""
        self._meter.close()

    def measure(self, phase: Phase, seconds: float) -> dict[str, Any]:
        """One phase, on a connection of its own."""
        work, spent = run(self._phase(phase, seconds))
        return spent.as_json(work)

    def verify(self) -> dict[str, Any]:
        """Every check of a ledger, and whether all found nothing."""
        found = run(self._verify())
        off = {name: rows[:3] for name, rows in found.items() if rows}
        return {"conserved": not off, "checks": list(found), "off": off}

    async def _fill(self) -> None:
        """The book, those accounts that may not be overdrawn, and six entries for each other on average."""
        pool = Pool(self._urls.app)
        await open_book(pool, BOOK)
        await pool.close()
        committer = self._committer()
        for number in range(CAPPED_ACCOUNTS):
            change = LimitChange(capped(number), CURRENCY, Limits(overdraft_max=0))
            await committer.run(SetLimits(BOOK, os.urandom(16), change))
        for _ in range(max(1, 3 * self._accounts // CALL_MAX)):
            await _post(committer, self._batches.random(CALL_MAX))
        await committer.close()

    async def _phase(self, phase: Phase, seconds: float) -> tuple[Work, Spent]:
        committer = self._committer()
        make: Make = getattr(self._batches, phase.mix)
        self._batches.forget_holds()
        try:
            calls = await self._made(committer, phase, make, seconds)
            with _frozen():
                self._meter.begin()
                work = await _run_calls(committer, calls, phase.callers, seconds)
                return work, self._meter.end()
        finally:
            await committer.close()

    async def _made(
        self, committer: Committer, phase: Phase, make: Make, seconds: float
    ) -> list[Call]:
        """A warm-up, and as many calls as the phase can need at that pace."""
        warm = [make(phase.size) for _ in range(max(2, CALL_MAX // phase.size))]
        done = await _run_calls(committer, warm, phase.callers, WARM_SECONDS)
        count = max(2, int(len(done.latencies) / done.seconds * seconds * MARGIN))
        self._batches.forget_holds()
        return [make(phase.size) for _ in range(count)]

    async def _verify(self) -> dict[str, list[Any]]:
        async with snapshot(self._urls.read_only) as book:
            return {name: await book.fetch(QUERIES[name], BOOK) for name in CHECKS}

    def _committer(self) -> Committer:
        entropy = SystemEntropy()
        return Committer(BOOK, lambda: Session.open(self._urls.app), SystemClock(), entropy)


async def _run_calls(committer: Committer, calls: list[Call], callers: int, seconds: float) -> Work:
    """Callers take calls until the time is over; those under way are waited for and count."""
    work, queue = Work(0, 0.0, Latencies()), iter(calls)
    began = time.perf_counter()
    give_up = began + seconds
    await asyncio.gather(*(_caller(committer, queue, give_up, work) for _ in range(callers)))
    work.seconds = time.perf_counter() - began
    return work


async def _caller(committer: Committer, queue: Iterator[Call], give_up: float, work: Work) -> None:
    for call in queue:
        began = time.perf_counter_ns()
        work.rejected += await _post(committer, call)
        work.latencies.add(time.perf_counter_ns() - began)
        work.transfers += len(call)
        if time.perf_counter() >= give_up:
            return


async def _post(committer: Committer, call: Call) -> int:
    """Post a call; how many of its transfers were refused. Raises WrongOutcome."""
    outcomes = await committer.run(PostTransfers(BOOK, os.urandom(16), call))
    rejected = 0
    for (transfer,), (outcome,) in zip(call, outcomes, strict=True):
        due = Refusal.EXCEEDS_CREDITS if transfer.debit.startswith("capped:") else None
        if outcome is not due:
            raise WrongOutcome(f"{transfer}: {outcome}")
        rejected += outcome is not None
    return rejected


@contextmanager
def _frozen() -> Iterator[None]:
    """What was made before the clock is no garbage: the collector need not look at it meanwhile."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the event loop the product uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
