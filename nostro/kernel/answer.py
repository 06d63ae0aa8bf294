"""What a command answers to the caller of the API: an object, or a refusal in the trade's own words.

Both keep version-neutral snapshots (rows as JSON), so that an answer saved under an idempotency key can be rendered
again, for any version of the API, byte for byte.
"""

from __future__ import annotations

import msgspec

_encode = msgspec.json.Encoder().encode


def snapshot(row: msgspec.Struct) -> str:
    """A row as JSON, tagged with its kind."""
    return _encode(row).decode()


class Answer(msgspec.Struct, frozen=True, tag="answer", tag_field="is"):
    """The object as it was when the command was decided, and the snapshots of what it was expanded with, by id."""

    snapshot: str
    related: dict[str, str] = {}
    status: int = 200


class Refusal(msgspec.Struct, frozen=True, tag="refusal", tag_field="is"):
    """A refusal of the trade. `saved` is false for one that the same key may try again (a lock, a rate limit)."""

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    charge: str | None = None
    payment_intent: str | None = None  # snapshot
    payment_method: str | None = None  # snapshot
    saved: bool = True
    related: dict[str, str] = {}  # what its objects were shown with


class Proceed(msgspec.Struct, frozen=True):
    """Intended and durable: now the acquirer is called for the attempt of this id."""

    attempt: str


Saved = Answer | Refusal
_decoder: msgspec.json.Decoder[Saved] = msgspec.json.Decoder(Saved)


def encode(saved: Saved) -> str:
    """An answer as it is saved under its key."""
    return _encode(saved).decode()


def decode(text: str) -> Saved:
    """A saved answer."""
    return _decoder.decode(text)


def missing(kind: str, identifier: str, param: str) -> Refusal:
    """`No such charge: 'ch_…'`, Stripe's 404."""
    message = f"No such {kind}: '{identifier}'"
    return Refusal(404, "invalid_request_error", message, "resource_missing", param)


def invalid(message: str, code: str | None = None, param: str | None = None) -> Refusal:
    """A 400 of type invalid_request_error."""
    return Refusal(400, "invalid_request_error", message, code, param)


def locked() -> Refusal:
    """429 lock_timeout: another request is at work on this object. Not saved: the same key may try again."""
    return Refusal(
        429,
        "invalid_request_error",
        "This object cannot be accessed right now because another API request or Nostro process is "
        "currently accessing it. If you see this error intermittently, retry the request.",
        "lock_timeout",
        saved=False,
    )
