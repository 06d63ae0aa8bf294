"""What an adapter says its processor can do, by the names under which scenarios ask for it."""

from __future__ import annotations

import msgspec

from nostro.acquirers.scope import Scope
from nostro.conformance.calls import Step
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured

OF_STEP = {
    Step.AUTHORIZE: "captures",
    Step.CAPTURE: "captures",
    Step.VOID: "captures",
    Step.REFUND: "refunds",
    Step.INQUIRE: "inquiry",
    Step.CANCEL: "cancel_by_reference",
}


class Claims(msgspec.Struct, frozen=True):
    """One adapter's."""

    capabilities: Capabilities
    scope: Scope

    def __contains__(self, claim: str) -> bool:
        """Whether something is claimed."""
        if claim == "replay":
            return self.capabilities.replay_window_ms != 0
        stated = self.scope if hasattr(self.scope, claim) else self.capabilities
        return bool(getattr(stated, claim))

    def allow(self, step: Step) -> bool:
        """Whether a method may be called."""
        return step not in OF_STEP or OF_STEP[step] in self


def claims_of(adapter: object) -> Claims:
    """An adapter's claims. Raises Misconfigured if it makes none."""
    capabilities, scope = getattr(adapter, "capabilities", None), getattr(adapter, "scope", None)
    if not isinstance(capabilities, Capabilities) or not isinstance(scope, Scope):
        name = type(adapter).__name__
        raise Misconfigured(
            f"{name} has to state its capabilities (Capabilities) and its scope (Scope)"
        )
    return Claims(capabilities, scope)
