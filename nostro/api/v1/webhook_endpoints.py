"""/v1/webhook_endpoints: create, update, delete, retrieve, list.

The secret is shown in the answer of the creation and nowhere else. It is kept sealed, in the endpoint's row and in
the answer saved under an idempotency key: a replay opens the same seal, and so answers the same bytes, though nothing
in the database tells the secret.
"""

from __future__ import annotations

from typing import Any

from nostro.api import snapshots, versions
from nostro.api.deciding import decided, seed
from nostro.api.errors import invalid_request, no_such
from nostro.api.operation import Call, Operation, Reply, Shown, shown_plainly
from nostro.api.parameters import (
    EXPAND,
    PAGING,
    Boolean,
    Enum,
    Field,
    List,
    Metadata,
    Spec,
    String,
)
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render, webhook_endpoint
from nostro.events.catalogue import EVENT_TYPES, EVERYTHING
from nostro.events.commands import CreateEndpoint, DeleteEndpoint, EndpointChanges, UpdateEndpoint
from nostro.events.model import Endpoint
from nostro.events.store import ENDPOINTS
from nostro.events.targets import url_refusal
from nostro.kernel.clock import BusinessTime
from nostro.kernel.ids import Mint, base62
from nostro.kernel.secret import Secret

URL = "/v1/webhook_endpoints"
MOST_EVENTS = 500
SECRET_DIGITS, _SECRET_BYTES = 32, 24
EVENTS = List(item=Enum(words=(EVERYTHING, *EVENT_TYPES)), most=MOST_EVENTS, required=True)
DESCRIBING: dict[str, Field] = {"description": String(unset=True), "metadata": Metadata()}
CREATE = Spec(
    {
        "url": String(required=True),
        "enabled_events": EVENTS,
        "api_version": String(unset=True),
        "connect": Boolean(),
        **DESCRIBING,
        **EXPAND,
    }
)
UPDATE = Spec(
    {
        "url": String(),
        "enabled_events": List(item=EVENTS.item, most=MOST_EVENTS),
        "disabled": Boolean(),
        **DESCRIBING,
        **EXPAND,
    }
)


async def create(call: Call) -> Reply:
    """Create an endpoint. Its secret is made and sealed here, before anything is decided."""
    params = call.params
    _refuse_url(call, params["url"])
    version = params.get("api_version")
    services = call.services
    identifier = Mint(seed(call), call.book, services.clock.system()).new("we")
    sealed = services.box.seal(_fresh_secret(call), call.account, identifier)
    metadata = {key: value for key, value in (params.get("metadata") or {}).items() if value}
    command = CreateEndpoint(
        call.book, seed(call), call.merchant.origin, identifier, params["url"],
        _events(params["enabled_events"]), sealed, params.get("description"),
        None if version is None else versions.parse(version), metadata,
    )  # fmt: skip
    return await decided(call, command)


def with_secret(call: Call, row: snapshots.Row, now: BusinessTime) -> dict[str, Any]:
    """The endpoint as whoever made it sees it, this once and in every replay of it."""
    if not isinstance(row, Endpoint):
        return shown_plainly(call, row, now)
    return webhook_endpoint(row, call.services.box.open(row.secret, row.account, row.id).reveal())


async def update(call: Call) -> Reply:
    """Change what was sent, and only that."""
    given = {name: call.params[name] for name in UPDATE.fields if name in call.params}
    given.pop("expand", None)
    if "url" in given:
        _refuse_url(call, given["url"])
    if "enabled_events" in given:
        given["enabled_events"] = _events(given["enabled_events"])
    changes = EndpointChanges(**given)
    command = UpdateEndpoint(call.book, seed(call), call.merchant.origin, call.path["id"], changes)
    return await decided(call, command)


async def delete(call: Call) -> Reply:
    """Delete an endpoint: it hears of nothing more."""
    command = DeleteEndpoint(call.book, seed(call), call.merchant.origin, call.path["id"])
    return await decided(call, command)


async def retrieve(call: Call) -> Reply:
    """One endpoint, without its secret."""
    row = await _reading(call).one(ENDPOINTS, call.path["id"])
    if row is None or row.deleted:
        raise no_such("webhook endpoint", call.path["id"])
    return Shown(render(row))


async def listing(call: Call) -> Reply:
    """Endpoints, newest first, without their secrets."""
    rows, more = await _reading(call).page(ENDPOINTS, Page.of(call.params))
    return Shown(list_object([render(row) for row in rows], URL, more))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


def _fresh_secret(call: Call) -> Secret:
    number = int.from_bytes(call.services.entropy.bytes(_SECRET_BYTES), "big")
    return Secret("whsec_" + base62(number, SECRET_DIGITS + 1)[-SECRET_DIGITS:])


def _events(names: list[str]) -> tuple[str, ...]:
    if not names:
        raise invalid_request("An endpoint is for one event or more.", param="enabled_events")
    return tuple(dict.fromkeys(names))


def _refuse_url(call: Call, url: str) -> None:
    """ApiError 400 for a URL that nothing may be sent to. What its host leads to is judged at each delivery."""
    refusal = url_refusal(url, call.services.webhook_targets[call.live])
    if refusal is not None:
        raise invalid_request(f"Invalid URL: {refusal}.", code="url_invalid", param="url")


_ONE = URL + "/{id}"
_NAME = "webhook_endpoint"
OPERATIONS = [
    Operation("POST", URL, CREATE, create, _NAME, "Create a WebhookEndpoint", show=with_secret),
    Operation("GET", URL, Spec(PAGING), listing, _NAME, "List WebhookEndpoints", listed=True),
    Operation("GET", _ONE, Spec(EXPAND), retrieve, _NAME, "Retrieve a WebhookEndpoint"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a WebhookEndpoint"),
    Operation("DELETE", _ONE, Spec({}), delete, _NAME, "Delete a WebhookEndpoint"),
]
