"""The event object: what happened, with the object as it was then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nostro.api import snapshots
from nostro.events.model import Event

_decode_previous = msgspec.json.Decoder(dict[str, Any]).decode


def event(
    row: Event, data_object: dict[str, Any], previous: dict[str, Any] | None,
    api_version: str | None, pending_webhooks: int,
) -> dict[str, Any]:  # fmt: skip
    """An event around its object, which is rendered already."""
    data = {"object": data_object}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": row.id,
        "object": "event",
        "api_version": api_version,
        "created": row.created_ms // 1000,
        "data": data,
        "livemode": row.live,
        "pending_webhooks": pending_webhooks,
        "request": {"id": row.request_id, "idempotency_key": row.key},
        "type": row.type,
    }


def row_before(row: snapshots.Row, previous: str) -> tuple[snapshots.Row, dict[str, Any]]:
    """The row as it was, and those of the previous values that are no fields of it."""
    values = _decode_previous(previous)
    fields = set(row.__struct_fields__)
    known = {name: value for name, value in values.items() if name in fields}
    before = msgspec.convert({**msgspec.to_builtins(row), **known}, type(row))
    return before, {name: value for name, value in values.items() if name not in fields}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `before` that `after` has otherwise.

    Of nested objects only what changed in them.

    A key that `before` did not have is null, which is how an added metadata key shows.
    """
    different: dict[str, Any] = {}
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        nested = isinstance(old, Mapping) and isinstance(new, Mapping)
        different[name] = changed(old, new) if nested else old  # type: ignore[arg-type]
    return different
