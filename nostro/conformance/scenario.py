"""A scenario: what happens, why it matters, and the case that plays it, for each of some methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from nostro.acquirers.capabilities import Capabilities
from nostro.conformance.calls import Step
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
_CLAIM_OF_STEP = {
    Step.AUTHORIZE: "captures",
    Step.CAPTURE: "captures",
    Step.VOID: "captures",
    Step.REFUND: "refunds",
    Step.INQUIRE: "inquiry",
    Step.CANCEL: "cancel_by_reference",
}


def claimed(scenario: Scenario, capabilities: Capabilities) -> list[Step]:
    """The steps of a scenario that the adapter claims to have."""
    if scenario.claim is not None and not has(capabilities, scenario.claim):
        return []
    return [
        step
        for step in scenario.steps
        if step not in _CLAIM_OF_STEP or has(capabilities, _CLAIM_OF_STEP[step])
    ]


def has(capabilities: Capabilities, claim: str) -> bool:
    """Whether something is claimed."""
    return getattr(capabilities, claim) not in (False, None)
