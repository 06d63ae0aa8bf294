"""Lists, and what is left of deleted objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def list_object(data: Sequence[dict[str, Any]], url: str, has_more: bool) -> dict[str, Any]:
    """A page of rendered objects."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def deleted(identifier: str, kind: str) -> dict[str, Any]:
    """An object that was deleted."""
    return {"id": identifier, "object": kind, "deleted": True}
