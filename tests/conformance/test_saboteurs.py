"""The kit tells adapters that are wrong: each fails the scenarios that are meant for its mistake, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from msgspec.structs import replace

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.conformance.calls import Step
from nostro.conformance.result import Result, Verdict
from nostro.conformance.scenario import Scenario
from nostro.conformance.scenarios import SCENARIOS
from nostro.conformance.suite import examine
from nostro.kernel.outcome import Approved, Outcome
from nostro.kernel.ports import CardDetails, PaymentMessage
from nostro.system import SystemClock
from tests.conformance.saboteurs import FAILS, Blocks, MixesUpAnswers
from tests.conformance.subjects import AgainstSandbox
from tests.sandbox.process import SandboxProcess

CALL_MS = 300
OF_EACH_KIND = (Step.SALE, Step.CAPTURE, Step.INQUIRE, Step.CANCEL)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield f"http://127.0.0.1:{process.port}"
    assert process.terminate() == 0


def play(
    url: str, adapter: type[SandboxAcquirer], scenarios: tuple[Scenario, ...] = SCENARIOS
) -> list[Result]:
    """Examine an adapter against the sandbox that runs, by a method of each kind where there are several."""
    scenarios = tuple(map(lean, scenarios))
    subject = AgainstSandbox(url, adapter)
    return asyncio.run(examine(subject, SystemClock(), CALL_MS, scenarios=scenarios))


def lean(scenario: Scenario) -> Scenario:
    """A scenario without the methods that are like others."""
    steps = tuple(step for step in scenario.steps if step in OF_EACH_KIND) or scenario.steps
    return msgspec.structs.replace(scenario, steps=steps)


def failed(results: list[Result]) -> dict[str, list[str]]:
    """The scenarios that failed, with their sentences."""
    return {r.scenario: r.failures for r in results if r.verdict is Verdict.FAILED}


@pytest.mark.parametrize("saboteur", FAILS, ids=lambda saboteur: saboteur.__name__)
def test_a_saboteur_fails_what_is_meant_for_it(url: str, saboteur: type[SandboxAcquirer]) -> None:
    found = failed(play(url, saboteur))
    assert set(found) == FAILS[saboteur], found


def test_answers_that_go_astray_are_seen(url: str) -> None:
    found = failed(play(url, MixesUpAnswers, named("a call is abandoned")))
    assert found == {
        "a call is abandoned": ["sale: Approved, where only Declined or Unknown is right"]
    }


class _Says(SandboxAcquirer):
    """A sale that is approved is told as the class says."""

    changes: ClassVar[dict[str, Any]] = {}

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        outcome = await super().sale(message, card)
        return replace(outcome, **self.changes) if isinstance(outcome, Approved) else outcome


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"acquirer_reference": 12345}, "Approved, acquirer_reference of another type than it has"),
        ({"amount": 271_828.0}, "Approved, amount of another type than it has"),
        ({"acquirer_reference": ""}, "Approved, without the processor's own reference"),
        ({"acquirer_reference": "x"}, "two of them were approved under one reference of the pro"),
    ],
)
def test_what_is_told_is_as_it_is_stated(url: str, changes: dict[str, Any], sentence: str) -> None:
    saboteur = type("Says", (_Says,), {"changes": changes})
    found = failed(play(url, saboteur, named("approved") + named("a reply in chunks")))
    assert f"sale: {sentence}" in str(found), found


def test_a_blocked_loop_is_seen(url: str) -> None:
    found = failed(play(url, Blocks, named("others go on meanwhile")))
    [sentences] = found.values()
    assert any(sentence.startswith("capture: nothing else ran for ") for sentence in sentences)


def named(name: str) -> tuple[Scenario, ...]:
    """One scenario."""
    return tuple(scenario for scenario in SCENARIOS if scenario.name == name)
