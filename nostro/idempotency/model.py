"""The saved fact of one idempotency key: what was asked, and once decided, what was answered."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import SystemTime


class Key(msgspec.Struct, frozen=True):
    """A key of one account. `answer` is None while its attempt is in flight."""

    id: str  # account/key
    endpoint: str
    fingerprint: bytes
    request_id: str
    created_ms: SystemTime
    attempt: str | None = None
    answer: str | None = None


class Request(msgspec.Struct, frozen=True):
    """The key as a request presents it: the endpoint, the fingerprint of its parameters, the request's own id."""

    id: str
    endpoint: str
    fingerprint: bytes
    request_id: str


class Replayed(msgspec.Struct, frozen=True):
    """The answer saved earlier, and the request that earned it."""

    answer: str
    original_request: str
