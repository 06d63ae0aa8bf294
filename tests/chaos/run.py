"""One run: start, load, ill-treat, heal, wait, judge. Bounded in count and time; ends what it started."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from tests.chaos import books as both
from tests.chaos.judge import Judge
from tests.chaos.monkey import Monkey, keep_faulty
from tests.chaos.plans import Plan, plans
from tests.chaos.stack import START_SECONDS, Stack, wait_until
from tests.chaos.witness import Line, Witness, read

RECOVERY_SECONDS = 60.0
LONGEST_SECONDS = 900.0
STORIES_MAX = 3


class Size(msgspec.Struct, frozen=True):
    """How much of everything. `rounds` is how often each process is killed."""

    payments: int
    seconds: float
    rounds: int
    stalls: int
    whole: int
    clients: int = 64
    seed: int = 1


class Failed(Exception):
    """The verdict is guilty; the message tells the story of the first payments at fault."""


class Run:
    """Everything of one run, in a directory of its own, which is kept when the run fails."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.directory = Path(tempfile.mkdtemp(prefix="nostro-chaos-"))
        self.stack = Stack(self.directory)
        self.plans = plans(size.payments, size.seed)

    def report(self) -> dict[str, Any]:
        """Run it all and return the figures. Raises Failed."""
        try:
            self.stack.start()
            wait_until(self._healthy, START_SECONDS, "Nostro is up")
            loaded = asyncio.run(asyncio.wait_for(self._load(), LONGEST_SECONDS))
            recovered = self._recover()
            figures = {**loaded, **recovered, **self._judge(loaded["gave_up"])}
        finally:
            self.stack.stop()
        shutil.rmtree(self.directory)
        return figures

    async def _load(self) -> dict[str, Any]:
        size = self.size
        witness = Witness(
            self.stack.url, self.stack.secret_key, self._file, size.clients,
            size.payments / size.seconds, size.seed,
        )  # fmt: skip
        monkey = Monkey(self.stack, size.seed, size.rounds, size.stalls, size.whole)
        faults = asyncio.create_task(keep_faulty(self.stack, size.seed))
        began = time.monotonic()
        try:
            await asyncio.gather(witness.run(self.plans), monkey.run(size.seconds))
        finally:
            faults.cancel()
            await asyncio.gather(faults, return_exceptions=True)
        return {
            "seconds": round(time.monotonic() - began, 1),
            "tries": witness.tries,
            "gave_up": witness.gave_up,
            "kills": dict(monkey.kills),
            "stopped_between_intend_and_send": len(monkey.stalled),
            "stalls_missed": monkey.misses,
        }

    def _recover(self) -> dict[str, Any]:
        """Lift the faults; how long until everything is final."""
        both.heal(self.stack)
        began = time.monotonic()
        left: dict[str, int] = {}
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self._is_quiet(left), RECOVERY_SECONDS, "everything is final")
        return {"recovery_seconds": round(time.monotonic() - began, 2), "left": left}

    def _is_quiet(self, left: dict[str, int]) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            left.update(both.unfinished(self.stack))
            return not any(count for name, count in left.items() if name != "waiting_for_funds")
        return False

    def _judge(self, gave_up: list[str]) -> dict[str, Any]:
        books, lines = both.Books(self.stack), read(self._file)
        judge = Judge(books, lines, self.plans)
        faults = [*judge.faults(), *(("client", text) for text in gave_up)]
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
        import urllib.request

        try:
            with urllib.request.urlopen(f"{self.stack.url}/health", timeout=2) as answer:
                return int(answer.status) == 200
        except OSError:
            return False


__all__ = ["Failed", "Plan", "Run", "Size"]
