"""One call of an adapter and what is known of it."""

from __future__ import annotations

from enum import StrEnum
from typing import get_args

import msgspec
from msgspec.structs import FieldInfo, fields

from nostro.conformance.exchange import Request
from nostro.conformance.guard import GivenUp
from nostro.kernel.outcome import Approved, Evidence, NotFound, Pending


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
    if not isinstance(result, Raised):
        return type(result).__name__
    return "never came back" if result.error == GivenUp.__name__ else f"raised {result.error}"


def misstated(result: Result) -> str | None:
    """What of a result is not of its type, or missing; None if nothing is."""
    if not isinstance(result, _STATED):
        return None
    wrong = [field.name for field in fields(result) if not _is(getattr(result, field.name), field)]
    if wrong:
        return f"{', '.join(wrong)} of another type than it has"
    named = not isinstance(result, (Approved, Pending)) or bool(result.acquirer_reference)
    return None if named else "without the processor's own reference"


def _is(value: object, field: FieldInfo) -> bool:
    try:
        return repr(msgspec.convert(value, field.type)) == repr(value)
    except msgspec.ValidationError:
        return False


_STATED = (*get_args(Evidence), NotFound)
