"""Events: what happened, committed with the change that made it; endpoints that want to hear of it."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime


class Event(msgspec.Struct, frozen=True, tag="event", tag_field="object"):
    """One fact. `snapshot` is the object as it was then; `previous` what it changed from."""

    id: str
    account: str
    type: str
    created_ms: BusinessTime
    live: bool
    snapshot: str
    previous: str | None = None
    request_id: str | None = None
    key: str | None = None


class Endpoint(msgspec.Struct, frozen=True, tag="webhook_endpoint", tag_field="object"):
    """Where a merchant wants events sent. `secret` is sealed; `since` is the first seq it hears of."""

    id: str
    account: str
    url: str
    enabled_events: tuple[str, ...]
    created_ms: BusinessTime
    live: bool
    secret: str
    description: str | None = None
    api_version: str | None = None
    status: str = "enabled"
    metadata: dict[str, str] = {}
    deleted: bool = False

    @property
    def setting(self) -> str:
        """What the audit log says of it: its state, where it sends and what. A URL's query may hold a secret."""
        state = "deleted" if self.deleted else self.status
        return f"{state} {self.url.partition('?')[0]} {' '.join(self.enabled_events)}"


class Delivery(msgspec.Struct, frozen=True):
    """A delivery that failed and will be tried again at `due_at` (system time), or was given up."""

    id: str  # endpoint/event
    endpoint: str
    event: str
    event_seq: int
    attempts: int
    due_at: SystemTime
    state: str  # due, delivered, given_up
    last_error: str
