"""The webhook_endpoint object. Its secret is shown once, to who made it."""

from __future__ import annotations

from typing import Any

from nostro.api.render.lists import deleted
from nostro.events.model import Endpoint


def webhook_endpoint(row: Endpoint, secret: str | None = None) -> dict[str, Any]:
    """An endpoint; `secret` is the opened secret, and only where it was just made."""
    if row.deleted:
        return deleted(row.id, "webhook_endpoint")
    body = {
        "id": row.id,
        "object": "webhook_endpoint",
        "api_version": row.api_version,
        "application": None,
        "created": row.created_ms // 1000,
        "description": row.description,
        "enabled_events": row.enabled_events,
        "livemode": row.live,
        "metadata": row.metadata,
    }
    if secret is not None:
        body["secret"] = secret
    body["status"] = row.status
    body["url"] = row.url
    return body
