"""Makes event rows: an event is committed with the change that made it, or not at all."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.events.model import Event
from nostro.events.store import EVENTS
from nostro.kernel.command import View
from nostro.kernel.table import Table


class Origin(msgspec.Struct, frozen=True):
    """Whose change it is and which request asked for it; the worker's own changes name no request.

    `actor` is the id of the API key that was used, and `address` where the request came from: for the audit log.
    """

    account: str
    live: bool
    request_id: str | None = None
    key: str | None = None
    actor: str = "worker"
    address: str | None = None


def emit(
    view: View, origin: Origin, type: str, snapshot: str, previous: dict[str, Any] | None = None
) -> tuple[Table[Event], Event]:
    """One event about the object in `snapshot`; `previous` holds the fields that changed, as they were."""
    before = msgspec.json.encode(previous).decode() if previous is not None else None
    return EVENTS, Event(
        view.mint.new("evt"), origin.account, type, view.now, origin.live, snapshot, before,
        origin.request_id, origin.key,
    )  # fmt: skip
