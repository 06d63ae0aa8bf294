"""Plays every scenario against a subject."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from nostro.conformance.calls import Step
from nostro.conformance.claims import claims_of
from nostro.conformance.evidence import GIVEN_UP_MAX, Evidence
from nostro.conformance.guard import contained, watched
from nostro.conformance.proxy import Proxy, ProxyThread
from nostro.conformance.result import Result, Verdict
from nostro.conformance.scenario import Scenario, claimed, unclaimed
from nostro.conformance.scenarios import SCENARIOS
from nostro.conformance.secrecy import review
from nostro.conformance.stage import LONG_MS, CannotPrepare, Skip, Stage
from nostro.conformance.subject import Processor, Subject, made, running
from nostro.kernel.ports import Clock

T = TypeVar("T")
CALL_MS = 500
_AT_ONCE = 10
STUCK_SECONDS = 30.0
_TURNS = "the event loop turns"
_TURNS_WHY = "an adapter that blocks it blocks every payment of this process"


async def examine(
    subject: Subject, clock: Clock, call_ms: int = CALL_MS,
    told: Callable[[Result], None] = lambda _: None, scenarios: Sequence[Scenario] = SCENARIOS,
    stuck: Callable[[list[Result]], None] = lambda _: None,
) -> list[Result]:  # fmt: skip
    """A result per scenario, in their order. `call_ms` is the deadline that the adapter is given.

    `stuck` is told, from another thread, the results so far when an adapter blocks the loop for STUCK_SECONDS.
    """
    evidence = Evidence()
    async with running(subject) as processor:
        with ProxyThread() as thread, evidence.watching():
            suite = _Suite(subject, processor, thread, clock, call_ms, evidence)
            with (
                watched(STUCK_SECONDS, lambda: stuck(suite.so_far())),
                contained(evidence.ended.append),
            ):
                results = await suite.play(scenarios, told)
            evidence.settle()
            return results + review(evidence, subject.cards)


class _Suite:
    """What the scenarios of one run share."""

    def __init__(
        self, subject: Subject, processor: Processor, thread: ProxyThread, clock: Clock,
        call_ms: int, evidence: Evidence,
    ) -> None:  # fmt: skip
        self._subject, self._processor, self._thread = subject, processor, thread
        self._clock, self._call_ms, self._evidence = clock, call_ms, evidence
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._playing: set[str] = set()
        self._over: list[Result] = []
        adapter = made("adapter()", lambda: subject.adapter(processor.url, clock, call_ms))
        self._claims = claims_of(adapter)

    async def play(
        self, scenarios: Sequence[Scenario], told: Callable[[Result], None]
    ) -> list[Result]:
        """All of them, some at once."""

        async def one(scenario: Scenario) -> Result:
            async with self._at_once:
                self._playing.add(scenario.name)
                result = await self._scenario(scenario)
                self._playing.remove(scenario.name)
            self._over.append(result)
            told(result)
            return result

        return await _together(one(scenario) for scenario in scenarios)

    def so_far(self) -> list[Result]:
        """What is over, and that the rest never will be: the adapter blocks the event loop."""
        sentence = f"blocked for {STUCK_SECONDS:g} seconds; being played: "
        sentence += "; ".join(sorted(self._playing))
        blocked = Result(_TURNS, _TURNS_WHY, Verdict.FAILED, 1, [sentence])
        return [*self._over, blocked, *review(self._evidence, self._subject.cards)]

    async def _scenario(self, scenario: Scenario) -> Result:
        steps = claimed(scenario, self._claims)
        if not steps:
            sentence = f"not claimed: {unclaimed(scenario, self._claims)}"
            return Result(scenario.name, scenario.why, Verdict.SKIPPED, 0, [], sentence)
        return _result(scenario, await _together(self._case(scenario, step) for step in steps))

    def _deadline(self, scenario: Scenario) -> int:
        return scenario.call_ms or (self._call_ms if scenario.hurried else LONG_MS)

    async def _case(self, scenario: Scenario, step: Step) -> Stage:
        proxy = Proxy(self._processor.url)
        stage = Stage(
            self._subject, self._processor, proxy, self._clock, self._deadline(scenario),
            self._evidence, self._thread,
        )  # fmt: skip
        try:
            if self._evidence.enough:
                raise CannotPrepare(f"not played: {GIVEN_UP_MAX} calls never came back")
            await self._thread.run(scenario.opens(proxy))
            await scenario.case(stage, step)
            await stage.aftermath()
        except Skip as reason:
            stage.skipped = str(reason)
        except CannotPrepare as reason:
            stage.expect(False, f"{step}: {reason}")
        except (
            BaseException
        ) as error:  # a subject's own mistake is no end of the suite, `SystemExit` neither
            if isinstance(error, asyncio.CancelledError):
                raise
            self._evidence.error(error)
            stage.expect(False, f"{step}: the subject raised {type(error).__name__}")
        finally:
            await stage.close()
            await self._thread.run(proxy.close())
        return stage


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
    return [task.result() for task in tasks]


def _result(scenario: Scenario, stages: Sequence[Stage]) -> Result:
    failures = [sentence for stage in stages for sentence in stage.failures]
    checks = sum(stage.checks for stage in stages)
    reasons = [stage.skipped for stage in stages if stage.skipped is not None]
    if failures:
        return Result(scenario.name, scenario.why, Verdict.FAILED, checks, failures)
    if len(reasons) == len(stages):
        return Result(scenario.name, scenario.why, Verdict.SKIPPED, checks, [], reasons[0])
    return Result(scenario.name, scenario.why, Verdict.PASSED, checks, [])
