"""One run: start, load, ill-treat, heal, wait, judge. Bounded in count and time; ends what it started."""

import asyncio
import contextlib
import math
import shutil
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from tests.chaos import books as both
from tests.chaos.judge import Judge
from tests.chaos.monkey import FAULTS, FAULTS_BEHIND_WIRES, KILLED, Monkey, keep_faulty
from tests.chaos.plans import plans
from tests.chaos.stack import START_SECONDS, Stack, wait_until
from tests.chaos.wires import Wires
from tests.chaos.witness import Line, Witness, read

RECOVERY_SECONDS = 60.0
CRASH_AFTER_SECONDS = 0.7
RELIEF_SECONDS = 10.0
FINAL_SECONDS = 30.0  # after healing, that is how long anything may still be on its way
LONGEST_SECONDS = 900.0  # beyond the time of the load
STORIES_MAX = 3


class Size(msgspec.Struct, frozen=True):
    """How much of everything. `rounds` is how often each process is killed."""

    payments: int
    seconds: float
    rounds: int
    stalls: int
    whole: int
    last: int  # payments in flight at the last kill of everything, whose clients are gone after it
    clients: int = 64
    seed: int = 1
    kills: dict[str, int] = {}  # of a process, if other than `rounds`
    stops: int = 1  # of the API, for longer than its leases and transactions last
    wire: float = (
        0.0  # the share of messages that meet each kind of fault on each wire; 0: no wires
    )
    ends: bool = False  # begin no payment after `seconds`, however many were meant


class Failed(Exception):
    """The verdict is guilty; the message tells the story of the first payments at fault."""


class Unable(Exception):
    """This machine does not allow what a run needs; the message says what."""


class Run:
    """Everything of one run, in a directory of its own, which is kept when the run fails."""

    def __init__(self, size: Size, timing: Mapping[str, int] | None = None) -> None:
        self.size = size
        self._crashed = 0.0
        self.directory = Path(tempfile.mkdtemp(prefix="nostro-chaos-"))
        self.stack = Stack(self.directory, timing)
        self.wires = Wires(self.stack, size.seed) if size.wire else None
        everyone = plans(size.payments + size.last, size.seed)
        self.plans, self.last = everyone[: size.payments], everyone[size.payments :]

    def report(self) -> dict[str, Any]:
        """Run it all and return the figures. Raises Failed."""
        try:
            self._start()
            longest = self.size.seconds + LONGEST_SECONDS
            loaded = asyncio.run(asyncio.wait_for(self._load(), longest))
            recovered = self._recover()
            figures = {**loaded, **recovered, **self._judge(loaded["gave_up"], recovered)}
        except TimeoutError as late:
            raise Failed(f"{late}; see {self.directory}\n{self.stack.log_tail()}") from late
        finally:
            self.stack.stop()
            if self.wires is not None:
                self.wires.close()
        self._clean_up()
        return figures

    def _clean_up(self) -> None:
        shutil.rmtree(self.directory)

    def _start(self) -> None:
        if self.wires is not None:
            self.wires.open()
        self.stack.start()
        wait_until(self._healthy, START_SECONDS, "Nostro is up")
        self._spoil()

    async def _load(self) -> dict[str, Any]:
        witness = self._witness()
        faults = asyncio.create_task(
            keep_faulty(self.stack, self.size.seed, self._acquirer_faults())
        )
        began = time.monotonic()
        try:
            done = await self._ill_treat(witness)
            in_flight = await self._end_with_a_crash(witness)
        finally:
            witness.close()
            faults.cancel()
            await asyncio.gather(faults, return_exceptions=True)
        return {
            "seconds": round(time.monotonic() - began, 1),
            "tries": witness.tries,
            "gave_up": witness.gave_up,
            "left_processing": witness.left_processing,
            "in_flight_at_the_last_kill": in_flight,
            **done,
        }

    def _acquirer_faults(self) -> Sequence[Mapping[str, Any]]:
        return FAULTS_BEHIND_WIRES if self.wires else FAULTS

    def _witness(self) -> Witness:
        size = self.size
        return Witness(
            self.stack.client_urls, self.stack.secret_key, self._file, size.clients,
            size.payments / size.seconds, size.seed, size.seconds if size.ends else math.inf,
        )  # fmt: skip

    async def _ill_treat(self, witness: Witness) -> dict[str, Any]:
        """Whatever is done to the stack under its load; figures about it."""
        size = self.size
        rounds = {kind: size.kills.get(kind, size.rounds) for kind in KILLED}
        monkey = Monkey(self.stack, size.seed, rounds, size.stalls, size.stops, size.whole)

        async def pay() -> None:
            await self._pay(witness)
            monkey.hunting = False

        relief = asyncio.create_task(self._relieve())
        await asyncio.gather(pay(), monkey.run(size.seconds))
        relief.cancel()
        self._spoil()
        return {
            "kills": dict(monkey.kills),
            "stopped_between_intend_and_send": len(monkey.stalled),
            "stalls_missed": monkey.misses,
        }

    async def _relieve(self) -> None:
        """Let those who are still waiting after the load's time come to an end."""
        await asyncio.sleep(self.size.seconds + RELIEF_SECONDS)
        if self.wires is not None:
            self.wires.heal()

    def _spoil(self) -> None:
        if self.wires is not None:
            self.wires.spoil(self.size.wire)

    async def _pay(self, witness: Witness) -> None:
        await witness.run(self.plans)
        self.plans = self.plans[: witness.begun]

    async def _end_with_a_crash(self, witness: Witness) -> int:
        """Kill everything while the acquirer owes its answers, and start it again; how many were open."""
        await asyncio.to_thread(both.hold, self.stack)
        asked = asyncio.create_task(witness.ask_once(self.last))
        await asyncio.sleep(CRASH_AFTER_SECONDS)
        return await self._crash(asked)

    async def _crash(self, asked: asyncio.Task[None]) -> int:
        """Now; how many attempts were open."""
        open_then = await asyncio.to_thread(both.unfinished, self.stack)
        self.stack.note("now: everything, for the last time")
        self.stack.kill_everything()
        self._crashed = time.monotonic()
        self.stack.start()
        await asked
        return open_then["attempts"]

    def _recover(self) -> dict[str, Any]:
        """Lift the faults; how long until everything is final."""
        if self.wires is not None:
            self.wires.heal()
        both.heal(self.stack)
        healed = time.monotonic()
        left: dict[str, int] = {}
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self._is_quiet(left), RECOVERY_SECONDS, "everything is final")
        quiet = time.monotonic()
        return {
            "final_seconds_after_healing": round(quiet - healed, 2),
            "final_seconds_after_the_last_kill": round(quiet - self._crashed, 2),
            "left": left,
            **({"wires": self.wires.figures()} if self.wires else {}),
        }

    def _is_quiet(self, left: dict[str, int]) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            left.update(both.unfinished(self.stack))
            return not any(count for name, count in left.items() if name != "waiting_for_funds")
        return False

    def _judge(self, gave_up: list[str], recovered: dict[str, Any]) -> dict[str, Any]:
        books, lines = both.Books(self.stack), read(self._file)
        judge = Judge(books, lines, self.plans, self.last)
        faults = [*judge.faults(), *(("client", text) for text in gave_up)]
        if recovered["final_seconds_after_healing"] > FINAL_SECONDS:
            faults.append(("time", f"{recovered['final_seconds_after_healing']} s until final"))
        verified = self.stack.verify()
        if verified:
            faults.append(("nostro verify", verified))
        if faults:
            raise Failed(self._told(judge, faults))
        return self._figures(books, lines)

    def _figures(self, books: both.Books, lines: list[Line]) -> dict[str, Any]:
        attempts = list(books.attempts.values())
        return {
            "payments": len(books.intents),
            "intents": dict(Counter(row["status"] for row in books.intents.values())),
            "attempts": dict(Counter(row["state"] for row in attempts)),
            "refunds": dict(Counter(row["state"] for row in books.refunds.values())),
            "unknown_sales_and_captures": books.doubtful,
            "taken_over": sum(row["epoch"] > 1 for row in attempts),
            "sent_again": sum(row["sends"] > 1 for row in attempts),
            "refused_for_ever": both.buried(self.stack, books),
            "answers": dict(Counter(str(line.status) for line in lines)),
            "no_answer": dict(Counter(line.error.split(":")[0] for line in lines if line.error)),
            "replays": sum(line.replayed for line in lines),
        }

    def _told(self, judge: Judge, faults: list[tuple[str, str]]) -> str:
        kinds = Counter(text.split(" ")[0] for _, text in faults)
        parts = [f"{len(faults)} faults {dict(kinds)}; everything is kept in {self.directory}"]
        parts += [f"{subject}: {text}" for subject, text in faults[:30]]
        subjects = list(dict.fromkeys(subject for subject, _ in faults))[:STORIES_MAX]
        parts += [f"--- {subject}\n{judge.story(subject)}" for subject in subjects]
        return "\n".join([*parts, "--- log", self.stack.log_tail()])

    @property
    def _file(self) -> Path:
        return self.directory / "witness.jsonl"

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.stack.url}/health", timeout=2) as answer:
                return int(answer.status) == 200
        except OSError:
            return False
