"""Every crash of every money flow: power cut at each step, each commit lost in each form; and every pair. Nothing is drawn.

First the flow is run once to count its steps and commits; then once more for each of them. Where the API dies with a
message on its way, the worker that finishes it dies at each of its steps too. For pairs, each of these runs is counted
from its interruption on, and run once more for each step and commit that follows.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from nostro.kernel.answer import Answer
from simulation import judge as judging
from simulation.clients import Client, Plan
from simulation.faults import Faults
from simulation.hosts import Slot
from simulation.loop import Host
from simulation.run import HEALING_SECONDS, Outcome, Place, Simulation

FORMS = ("commit_before", "commit_after", "commit_late")
API, WORKER = "api-1", "work-1"
VISA, DECLINED = "pm_card_visa", "pm_card_visa_chargeDeclined"


class Flow(NamedTuple):
    """What a client does: one payment, and what follows."""

    manual: bool = False
    then: Sequence[tuple[str, int | None]] = ()
    with_code: bool = False  # which may not be repeated: it ends in a cancel by reference
    card: str = VISA


FLOWS: dict[str, Flow] = {
    "sale": Flow(),
    "sale with a code": Flow(with_code=True),
    "sale declined": Flow(card=DECLINED),
    "authorize and capture": Flow(True, [("capture", None)]),
    "authorize and capture a part": Flow(True, [("capture", 1_900)]),
    "authorize and void": Flow(True, [("cancel", None)]),
    "sale and refund": Flow(then=[("refund", 1_200)]),
    "sale and a refund that takes its time": Flow(
        then=[("refund", 1_200)], card="pm_card_pendingRefund"
    ),
}
LEASE_SECONDS = 19.5  # a little less than that of an attempt
SEED = 1  # of latencies alone: they are the same in each run until the crash


class Cut(NamedTuple):
    """Power is cut before a step of a host."""

    host: str
    step: int

    def __str__(self) -> str:
        return f"{self.host} at step {self.step}"


class Loss(NamedTuple):
    """A commit, of any host, is lost."""

    commit: int
    form: str

    def __str__(self) -> str:
        return f"commit {self.commit}: {self.form}"


@dataclass(frozen=True)
class Crash:
    """Where a run is interrupted."""

    points: tuple[Cut | Loss, ...] = ()
    dead_when_heard: bool = False  # the API loses power when the acquirer has acted first

    def __str__(self) -> str:
        begun = ["the API dead when the acquirer acts"] if self.dead_when_heard else []
        return ", then ".join([*begun, *map(str, self.points)]) or "nothing"

    def then(self, point: Cut | Loss) -> "Crash":
        """The same, interrupted once more."""
        return replace(self, points=(*self.points, point))


class Count(NamedTuple):
    """How far a run has come: steps by host, and commits."""

    steps: Counter[str]
    commits: int


class Run(Simulation):
    """One flow, interrupted where it is said."""

    def __init__(self, place: Place, flow: str, crash: Crash, recording: bool = False) -> None:
        super().__init__(place, SEED, 0.0, recording, Faults())
        self.flow, self.crash = flow, crash
        self.steps: Counter[str] = Counter()
        self.commits = 0
        self.counting = False
        self.interrupted_at: float | None = None
        self.at_first = Count(Counter(), 0)
        self.server.fate = self._fate  # type: ignore[method-assign]

    @property
    def count(self) -> Count:
        """How far it has come."""
        return Count(Counter(self.steps), self.commits)

    async def _main(self) -> None:
        loop = self.loop
        methods = await self._set_up()
        api = Slot(self.world, API, lambda machine: None)
        Slot(self.world, WORKER, self._work)
        self.slots.append(api)
        loop.on_step = self._step
        if self.crash.dead_when_heard:
            self._kill_when_heard(api)
        client = Client(self.world, [api], self.witness, methods, "only")
        flow = FLOWS[self.flow]
        plan = Plan("only-1", 5_000, flow.card, flow.manual, flow.with_code, True, flow.then)
        self.counting = True
        async with asyncio.timeout(HEALING_SECONDS):
            made = await client._ask(plan, "create", client._create(plan))
            intent = _intent(made)
            for step, amount in flow.then if intent else ():
                await client._follow(plan, step, step, amount, str(intent))
        while judging.unfinished(self.place.owner, self.world.book)[0]:
            await asyncio.sleep(1)
            if loop.now > HEALING_SECONDS:
                break
        self.counting = False
        await self._quiet()

    def _step(self, host: Host) -> bool:
        """Whether a step may happen; power is cut before the one that is meant."""
        if not self.counting or host.name not in (API, WORKER):
            return True
        if host.name == WORKER and not self._finishing():
            return True
        self.steps[host.name] += 1
        if Cut(host.name, self.steps[host.name]) not in self.crash.points:
            return True
        self._interrupted()
        self._slot(host.name).power_off(1.0)
        return False

    def _finishing(self) -> bool:
        """From when the lease of the dead is over until the worker has settled what they began."""
        begun = self.interrupted_at
        over = begun is not None and self.loop.now > begun + LEASE_SECONDS
        return over and not self.world.marks["recovered attempt"]

    def _interrupted(self) -> None:
        if self.interrupted_at is None:
            self.interrupted_at, self.at_first = self.loop.now, self.count

    def _kill_when_heard(self, api: Slot) -> None:
        act = self.world.acquirer.act

        def acting(request: Any) -> Any:
            reply = act(request)
            if self.interrupted_at is None:
                self._interrupted()
                api.power_off(45.0)
            return reply

        self.world.acquirer.act = acting  # type: ignore[method-assign]

    def _slot(self, name: str) -> Slot:
        return next(slot for slot in self.world.slots if slot.name == name)

    def _fate(self, commits: bool) -> str:
        if not (commits and self.counting):
            return ""
        self.commits += 1
        for form in FORMS:
            if Loss(self.commits, form) in self.crash.points:
                self._interrupted()
                return form
        return ""


def _intent(made: Any) -> str | None:
    return msgspec.json.decode(made.snapshot)["id"] if isinstance(made, Answer) else None


def crashes(place: Place, flow: str) -> Iterator[Crash]:
    """Every way to interrupt a flow once, or once more after the API died while the acquirer acted."""
    yield from _once(place, flow)
    left = _counted(place, flow, Crash(dead_when_heard=True))
    for step in range(1, left.steps[WORKER] + 1):
        yield Crash((Cut(WORKER, step),), dead_when_heard=True)
    for loss in _losses(0, left.commits):
        yield Crash((loss,), dead_when_heard=True)


def pairs(place: Place, flow: str, share: int = 1) -> Iterator[Crash]:
    """Every way to interrupt a flow twice; of every `share`th first crash every `share`th second."""
    for first in list(_once(place, flow))[::share]:
        run = Run(place, flow, first)
        run.run()
        yield from [first.then(point) for point in _following(run)][::share]


def _once(place: Place, flow: str) -> Iterator[Crash]:
    plain = _counted(place, flow, Crash())
    for step in range(1, plain.steps[API] + 1):
        yield Crash((Cut(API, step),))
    for loss in _losses(0, plain.commits):
        yield Crash((loss,))


def _following(run: Run) -> Iterator[Cut | Loss]:
    """Every step and commit that came after the first crash of a run."""
    before, after = run.at_first, run.count
    for host in (API, WORKER):
        for step in range(before.steps[host] + 1, after.steps[host] + 1):
            yield Cut(host, step)
    yield from _losses(before.commits, after.commits)


def _losses(before: int, last: int) -> Iterator[Loss]:
    for commit in range(before + 1, last + 1):
        for form in FORMS:
            yield Loss(commit, form)


def _counted(place: Place, flow: str, crash: Crash) -> Count:
    run = Run(place, flow, crash)
    outcome = run.run()
    assert not outcome.faults, outcome.faults
    return run.count


def interrupt(place: Place, flow: str, crash: Crash, recording: bool = False) -> Outcome:
    """One interrupted run."""
    outcome = Run(place, flow, crash, recording).run()
    outcome.what = f"{flow}: {crash}"
    return outcome
