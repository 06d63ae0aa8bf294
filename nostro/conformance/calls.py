"""One call of an adapter and what is known of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.conformance.exchange import Request
from nostro.kernel.outcome import Evidence, NotFound


class Step(StrEnum):
    """The methods of an adapter."""

    SALE = "sale"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    INQUIRE = "inquire"
    CANCEL = "cancel"


MONEY = (Step.SALE, Step.AUTHORIZE, Step.CAPTURE, Step.VOID, Step.REFUND)


class Raised(msgspec.Struct, frozen=True):
    """Not an outcome: the adapter raised."""

    error: str
    text: str


Result = Evidence | NotFound | Raised


class Call(msgspec.Struct, frozen=True):
    """What came back, what the proxy saw meanwhile, and how long it took."""

    step: Step
    reference: str
    result: Result
    requests: list[Request]
    milliseconds: float

    @property
    def forwarded(self) -> int:
        """How many messages the processor got."""
        return sum(request.forwarded for request in self.requests)


def shown(result: Result) -> str:
    """A result in a word, for a report: whatever text an adapter put into it may hold a card number."""
    return f"raised {result.error}" if isinstance(result, Raised) else type(result).__name__
