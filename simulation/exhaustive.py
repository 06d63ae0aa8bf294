"""Every crash of every money flow: power cut at each step, each commit lost in each form. Nothing is drawn.

First the flow is run once to count its steps and commits; then once more for each of them. Where the API dies with a
message on its way, the worker that finishes it dies at each of its steps too.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from nostro.kernel.answer import Answer
from simulation import judge as judging
from simulation.clients import Client, Plan
from simulation.faults import Faults
from simulation.hosts import Slot
from simulation.loop import Host
from simulation.run import HEALING_SECONDS, Outcome, Place, Simulation

FORMS = ("commit_before", "commit_after", "commit_late")
FLOWS: dict[str, tuple[bool, Sequence[tuple[str, int | None]]]] = {
    "sale": (False, ()),
    "authorize and capture": (True, [("capture", None)]),
    "authorize and capture a part": (True, [("capture", 1_900)]),
    "authorize and void": (True, [("cancel", None)]),
    "sale and refund": (False, [("refund", 1_200)]),
}
LEASE_SECONDS = 19.5  # a little less than that of an attempt
SEED = 1  # of latencies alone: they are the same in each run until the crash


@dataclass(frozen=True)
class Crash:
    """Where a run is interrupted: at a step of a host, or at a commit of any."""

    host: str | None = None
    step: int = 0
    commit: int = 0
    form: str = ""
    dead_when_heard: bool = False  # the API loses power when the acquirer has acted first

    def __str__(self) -> str:
        where = f"{self.host} at step {self.step}" if self.host else ""
        lost = f"commit {self.commit}: {self.form}" if self.commit else ""
        begun = "the API dead when the acquirer acts, " if self.dead_when_heard else ""
        return f"{begun}{where}{lost}" or "nothing"


class Run(Simulation):
    """One flow, interrupted once."""

    def __init__(self, place: Place, flow: str, crash: Crash, recording: bool = False) -> None:
        super().__init__(place, SEED, 0.0, recording, Faults())
        self.flow, self.crash = flow, crash
        self.steps = self.commits = 0
        self.counting = False
        self.server.fate = self._fate  # type: ignore[method-assign]

    async def _main(self) -> None:
        loop = self.loop
        methods = await self._set_up()
        api = Slot(self.world, "api-1", lambda machine: None)
        Slot(self.world, "work-1", self._work)
        self.slots.append(api)
        loop.on_step = self._step
        if self.crash.dead_when_heard:
            self._kill_when_heard(api)
        client = Client(self.world, [api], self.witness, methods, "only")
        manual, then = FLOWS[self.flow]
        plan = Plan("only-1", 5_000, "pm_card_visa", manual, False, True, then)
        self.counting = True
        async with asyncio.timeout(HEALING_SECONDS):
            made = await client._ask(plan, "create", client._create(plan))
            intent = _intent(made)
            for step, amount in then if intent else ():
                await client._follow(plan, step, step, amount, str(intent))
        while judging.unfinished(self.place.owner, self.world.book)[0]:
            await asyncio.sleep(1)
            if loop.now > HEALING_SECONDS:
                break
        self.counting = False
        await self._quiet()

    def _step(self, host: Host) -> bool:
        """Whether a step may happen; power is cut before the one that is meant."""
        watched = self.crash.host or "api-1"
        if not self.counting or host.name != watched or host.instance != f"{watched}.1":
            return True
        if self.crash.dead_when_heard and not self._finishing():
            return True
        self.steps += 1
        if self.crash.host is None or self.steps != self.crash.step:
            return True
        self._slot(host.name).power_off(1.0)
        return False

    def _finishing(self) -> bool:
        """From when the lease of the dead is over until the worker has settled what they began."""
        over = self.heard_at is not None and self.loop.now > self.heard_at + LEASE_SECONDS
        return over and not self.world.marks["recovered attempt"]

    heard_at: float | None = None

    def _kill_when_heard(self, api: Slot) -> None:
        act = self.world.acquirer.act

        def acting(request: Any) -> Any:
            reply = act(request)
            if self.heard_at is None:
                self.heard_at = self.loop.now
                api.power_off(45.0)
            return reply

        self.world.acquirer.act = acting  # type: ignore[method-assign]

    def _slot(self, name: str) -> Slot:
        return next(slot for slot in self.world.slots if slot.name == name)

    def _fate(self, commits: bool) -> str:
        if not (commits and self.counting):
            return ""
        self.commits += 1
        return self.crash.form if self.commits == self.crash.commit else ""


def _intent(made: Any) -> str | None:
    return msgspec.json.decode(made.snapshot)["id"] if isinstance(made, Answer) else None


def crashes(place: Place, flow: str) -> Iterator[Crash]:
    """Every way to interrupt a flow once."""
    plain = Run(place, flow, Crash())
    outcome = plain.run()
    assert not outcome.faults, outcome.faults
    for step in range(1, plain.steps + 1):
        yield Crash("api-1", step)
    for commit in range(1, plain.commits + 1):
        for form in FORMS:
            yield Crash(commit=commit, form=form)
    left = Run(place, flow, Crash("work-1", 10**9, dead_when_heard=True))
    left.run()
    for step in range(1, left.steps + 1):
        yield Crash("work-1", step, dead_when_heard=True)
    for commit in range(1, left.commits + 1):
        for form in FORMS:
            yield Crash(commit=commit, form=form, dead_when_heard=True)


def interrupt(place: Place, flow: str, crash: Crash, recording: bool = False) -> Outcome:
    """One interrupted run."""
    outcome = Run(place, flow, crash, recording).run()
    outcome.what = f"{flow}: {crash}"
    return outcome
