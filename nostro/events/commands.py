"""What is decided about webhook endpoints and about deliveries that failed. A delivery that succeeds leaves no row."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin
from nostro.events.model import Delivery, Endpoint
from nostro.events.schedule import pause_after
from nostro.events.store import DELIVERIES, ENDPOINTS, EVENTS
from nostro.kernel.answer import Answer, Proceed, Refusal, invalid, missing, snapshot
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Decision, Reads, View

ENABLED, DISABLED = "enabled", "disabled"
DUE, DELIVERED, GIVEN_UP = "due", "delivered", "given_up"
STOPPED = "the endpoint is disabled or deleted"

Decided = Decision[Answer | Refusal | Proceed]


class CreateEndpoint(msgspec.Struct, frozen=True):
    """Make an endpoint. Its id is minted before, since its `secret` is sealed for that id."""

    book: int
    seed: bytes
    origin: Origin
    id: str
    url: str
    enabled_events: tuple[str, ...]
    secret: str
    description: str | None = None
    api_version: str | None = None
    metadata: dict[str, str] = {}

    def reads(self) -> Reads:
        """Nothing: the id is new."""
        return Reads()

    def decide(self, view: View) -> Decided:
        """It hears of what is committed after it."""
        endpoint = Endpoint(
            self.id, self.origin.account, self.url, self.enabled_events, view.now, self.origin.live,
            self.secret, self.description, self.api_version, ENABLED, self.metadata,
        )  # fmt: skip
        return Decision(Answer(snapshot(endpoint)), [(ENDPOINTS, endpoint)])


class EndpointChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an update sets; what is UNSET stays as it is."""

    url: str | msgspec.UnsetType = msgspec.UNSET
    enabled_events: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    description: str | None | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, str] | None | msgspec.UnsetType = msgspec.UNSET  # merges; None clears
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


class UpdateEndpoint(msgspec.Struct, frozen=True):
    """Change an endpoint. What happens while it is disabled it never hears of."""

    book: int
    seed: bytes
    origin: Origin
    endpoint: str
    changes: EndpointChanges

    def reads(self) -> Reads:
        """The endpoint."""
        return Reads([(ENDPOINTS, self.endpoint)])

    def decide(self, view: View) -> Decided:
        """The endpoint as changed."""
        endpoint = _own(view, self.origin, self.endpoint)
        if endpoint is None:
            return Decision(missing("webhook endpoint", self.endpoint, "id"))
        changed = _changed(endpoint, self.changes)
        return Decision(Answer(snapshot(changed)), [(ENDPOINTS, changed)])


class DeleteEndpoint(msgspec.Struct, frozen=True):
    """Delete an endpoint; its row stays, marked."""

    book: int
    seed: bytes
    origin: Origin
    endpoint: str

    def reads(self) -> Reads:
        """The endpoint."""
        return Reads([(ENDPOINTS, self.endpoint)])

    def decide(self, view: View) -> Decided:
        """The endpoint, marked as deleted."""
        endpoint = _own(view, self.origin, self.endpoint)
        if endpoint is None:
            return Decision(missing("webhook endpoint", self.endpoint, "id"))
        deleted = replace(endpoint, deleted=True)
        return Decision(Answer(snapshot(deleted)), [(ENDPOINTS, deleted)])


class Redeliver(msgspec.Struct, frozen=True):
    """Send an event to an endpoint once more, with a fresh schedule. `event_seq` is the event's place in its book."""

    book: int
    seed: bytes
    origin: Origin
    endpoint: str
    event: str
    event_seq: int

    @property
    def _id(self) -> str:
        return delivery_id(self.endpoint, self.event)

    def reads(self) -> Reads:
        """The endpoint, the event and their delivery."""
        return Reads([(ENDPOINTS, self.endpoint), (EVENTS, self.event), (DELIVERIES, self._id)])

    def decide(self, view: View) -> Decided:
        """A delivery that is due now."""
        endpoint, event = _own(view, self.origin, self.endpoint), view.get(EVENTS, self.event)
        if event is None or event.account != self.origin.account:
            return Decision(missing("event", self.event, "event"))
        if endpoint is None:
            return Decision(missing("webhook endpoint", self.endpoint, "webhook_endpoint"))
        if endpoint.status != ENABLED:
            return Decision(invalid("This webhook endpoint is disabled.", None, "webhook_endpoint"))
        delivery = Delivery(
            self._id, self.endpoint, self.event, self.event_seq, 0, view.system_now, DUE,
            "redelivery was asked for",
        )  # fmt: skip
        return Decision(Answer(snapshot(event)), [(DELIVERIES, delivery)])


class RecordFailure(msgspec.Struct, frozen=True):
    """A first attempt failed: it is due again later. Committed before the endpoint's cursor moves past the event."""

    book: int
    seed: bytes
    endpoint: str
    event: str
    event_seq: int
    error: str

    @property
    def _id(self) -> str:
        return delivery_id(self.endpoint, self.event)

    def reads(self) -> Reads:
        """The delivery, which is there if we were here before."""
        return Reads([(DELIVERIES, self._id)])

    def decide(self, view: View) -> Decision[bool]:
        """A new row, unless a worker before us left one."""
        if view.get(DELIVERIES, self._id) is not None:
            return Decision(False)
        pause = pause_after(1, self.seed)
        assert pause is not None, "a first failure is never the last"
        due = SystemTime(view.system_now + pause)
        delivery = Delivery(
            self._id, self.endpoint, self.event, self.event_seq, 1, due, DUE, self.error
        )
        return Decision(True, [(DELIVERIES, delivery)])


class RecordRetry(msgspec.Struct, frozen=True):
    """What became of a delivery that was due: `error` None means delivered. `final` stops its retries."""

    book: int
    seed: bytes
    delivery: Delivery
    error: str | None
    final: bool = False

    def reads(self) -> Reads:
        """The delivery."""
        return Reads([(DELIVERIES, self.delivery.id)])

    def decide(self, view: View) -> Decision[bool]:
        """Delivered, due again or given up; nothing if the row has moved on since it was read."""
        if view.get(DELIVERIES, self.delivery.id) != self.delivery:
            return Decision(False)
        return Decision(True, [(DELIVERIES, self._next(view))])

    def _next(self, view: View) -> Delivery:
        attempts = self.delivery.attempts + 1
        if self.error is None:
            return replace(self.delivery, attempts=attempts, state=DELIVERED)
        if self.final:
            return replace(self.delivery, state=GIVEN_UP, last_error=self.error)
        pause = pause_after(attempts, self.seed)
        failed = replace(self.delivery, attempts=attempts, last_error=self.error)
        if pause is None:
            return replace(failed, state=GIVEN_UP)
        return replace(failed, due_at=SystemTime(view.system_now + pause))


def delivery_id(endpoint: str, event: str) -> str:
    """The id of the delivery of an event to an endpoint."""
    return f"{endpoint}/{event}"


def _own(view: View, origin: Origin, identifier: str) -> Endpoint | None:
    endpoint = view.get(ENDPOINTS, identifier)
    if endpoint is None or endpoint.deleted or endpoint.account != origin.account:
        return None
    return endpoint


def _changed(endpoint: Endpoint, changes: EndpointChanges) -> Endpoint:
    values = {
        name: value
        for name in ("url", "enabled_events", "description")
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }
    if changes.metadata is not msgspec.UNSET:
        cleared = changes.metadata is None
        merged = {} if cleared else {**endpoint.metadata, **(changes.metadata or {})}
        values["metadata"] = {key: value for key, value in merged.items() if value}
    if changes.disabled is not msgspec.UNSET:
        values["status"] = DISABLED if changes.disabled else ENABLED
    return replace(endpoint, **values)
