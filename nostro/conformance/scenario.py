"""A scenario: what happens, why it matters, and the case that plays it, for each of some methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from nostro.conformance.calls import Step
from nostro.conformance.claims import OF_STEP, Claims
from nostro.conformance.proxy import Proxy
from nostro.conformance.stage import Stage

Case = Callable[[Stage, Step], Awaitable[None]]
Door = Callable[[Proxy], Coroutine[Any, Any, None]]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` are played each on a stage of its own; those that are not claimed are left out.

    `claim` is the capability that it exercises. `opens` is how the proxy's door is when the adapter comes. A
    `hurried` adapter has the suite's short deadline, others a long one, on which a busy machine has no bearing; `call_ms`
    is another one still.
    """

    name: str
    why: str
    case: Case
    steps: tuple[Step, ...] = (Step.SALE,)
    claim: str | None = None
    opens: Door = Proxy.listen
    hurried: bool = False
    call_ms: int | None = None


EVERY_STEP = tuple(Step)


def claimed(scenario: Scenario, claims: Claims) -> list[Step]:
    """The steps of a scenario that the adapter claims to have."""
    if scenario.claim is not None and scenario.claim not in claims:
        return []
    return [step for step in scenario.steps if claims.allow(step)]


def unclaimed(scenario: Scenario, claims: Claims) -> str:
    """What the adapter would have to claim for a scenario to be played."""
    if scenario.claim is not None and scenario.claim not in claims:
        return scenario.claim
    return ", ".join(dict.fromkeys(OF_STEP[step] for step in scenario.steps if step in OF_STEP))
