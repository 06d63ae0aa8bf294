"""/v1/events: what happened, each with the object as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, PAGING, List, Spec, String
from nostro.api.reading import Page, Reading
from nostro.api.render import event, list_object
from nostro.events.model import Event
from nostro.events.pending import pending_webhooks
from nostro.events.store import EVENTS

URL = "/v1/events"
MOST_TYPES = 20
LIST = Spec(
    {**PAGING, "type": String(), "types": List(item=String(), most=MOST_TYPES)},
    exclusive=[("type", "types")],
)


async def retrieve(call: Call) -> Reply:
    """One event, at the version of the request."""
    row = await _reading(call).require(EVENTS, call.path["id"], "event")
    return Shown((await _shown(call, [row]))[0])


async def listing(call: Call) -> Reply:
    """Events, newest first; `type` may end in `*`."""
    rows, more = await _reading(call).page(EVENTS, Page.of(call.params), _patterns(call.params))
    return Shown(list_object(await _shown(call, rows), URL, more))


async def _shown(call: Call, rows: Sequence[Event]) -> list[dict[str, Any]]:
    pending = await pending_webhooks(call.services.reader, call.book, [row.id for row in rows])
    return [event(row, call.version, pending.get(row.id, 0), call.now) for row in rows]


def _patterns(params: dict[str, Any]) -> list[str] | None:
    """The types as patterns of SQL: only a star of the caller's matches anything."""
    types = [params["type"]] if "type" in params else params.get("types")
    if types is None:
        return None
    return [
        text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
        for text in types
    ]


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


OPERATIONS = [
    Operation("GET", URL, LIST, listing, "event", "List Events", listed=True),
    Operation("GET", URL + "/{id}", Spec(EXPAND), retrieve, "event", "Retrieve an Event"),
]
