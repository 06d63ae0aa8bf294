"""What became of an operation sent to an acquirer: seven values, never an exception.

`Unknown` means that money may have moved. Only evidence leads out of it; age never does.
`NotFound` is an answer to an inquiry, not an outcome: it concludes nothing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Operation(StrEnum):
    """What is asked of an acquirer."""

    SALE = "sale"  # authorize and capture in one message
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Approved(msgspec.Struct, frozen=True, tag=True):
    """The acquirer did it. `poll_after_ms` is set while it may still fail (an asynchronous refund).

    `acquirer_reference` is its own name of what it did: the same in its answer, its notification and its report, and another
    one if it did it again.
    """

    acquirer_reference: str
    amount: int
    currency: str
    authorization_code: str | None = None
    network_reference: str | None = None
    checks: dict[str, str] = {}
    poll_after_ms: int | None = None


class Pending(msgspec.Struct, frozen=True, tag=True):
    """Accepted, not decided: ask again after `poll_after_ms`."""

    acquirer_reference: str
    poll_after_ms: int


class ActionRequired(msgspec.Struct, frozen=True, tag=True):
    """The customer must act first (3-D Secure, redirect)."""

    acquirer_reference: str
    action: str


class Declined(msgspec.Struct, frozen=True, tag=True):
    """The issuer or the acquirer said no: no money moved. `reason` is Stripe's decline_code."""

    reason: str
    network_code: str | None = None
    acquirer_reference: str | None = None
    checks: dict[str, str] = {}


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """The acquirer refused to process the message at all: no money moved by this send."""

    error: str
    message: str = ""


class NotSent(msgspec.Struct, frozen=True, tag=True):
    """Provably never left us (refused connection, deadline over before the write)."""

    cause: str


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """Sent, and no definitive answer came back."""

    cause: str


class Undone(msgspec.Struct, frozen=True, tag=True):
    """Cancelled by our reference: nothing stands, and the acquirer refuses a late original."""

    cause: str


class NotFound(msgspec.Struct, frozen=True, tag=True):
    """An inquiry found no such reference. Concludes nothing: the message may still be on its way."""


Outcome = Approved | Pending | ActionRequired | Declined | Rejected | NotSent | Unknown
Evidence = Outcome | Undone
_EVIDENCE: type[Evidence] = Evidence  # type: ignore[assignment]
_NUL = b"\\u0000"  # as JSON has it


def as_stated(evidence: Evidence) -> Evidence:
    """The evidence, if each of its fields is what its type says; else Unknown. An adapter's mistake is no outcome.

    Nor is what nobody can write down: a surrogate without its other half, or NUL, which PostgreSQL's text does not hold.
    """
    try:
        stated = msgspec.convert(msgspec.to_builtins(evidence), _EVIDENCE)
        kept = _NUL not in msgspec.json.encode(stated)
    except (msgspec.ValidationError, TypeError, ValueError):
        return Unknown(f"{type(evidence).__name__} with fields of another type")
    return stated if kept else Unknown(f"{type(evidence).__name__} with NUL in a text")


Found = Approved | Pending | Declined | Undone | NotFound | Unknown
