"""The strict judge of what we answer: against the wire schema, undeclared properties refused.

`validate(body)` takes an object, a list, an event or an error as the API answered it, at the newest
version. It also keeps count: `report()` says how often each kind was checked and which properties
were ever seen with a value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec

VERSION = "2026-07-29.dahlia"
ROOT = Path(__file__).resolve().parents[1]
_BESIDE = Path("shared") / "stripe" / f"wire-schema-{VERSION}.json"
# Beside the repository, or beside the folder that holds several checkouts of it.
_PLACES = [ROOT.parent / _BESIDE, ROOT.parent.parent / _BESIDE]
SCHEMA = next((place for place in _PLACES if place.is_file()), _PLACES[0])

checked: Counter[str] = Counter()
seen: defaultdict[str, set[str]] = defaultdict(set)


class NotOnTheWire(AssertionError):
    """An object that Stripe's clients would not expect, and where in it."""


def available() -> bool:
    """Whether the schema is on this machine; it is not part of the repository."""
    return SCHEMA.is_file()


def validate(body: Mapping[str, Any], path: str = "") -> None:
    """Raise NotOnTheWire with the path of the first thing that is wrong."""
    if "error" in body:
        return _error(body, path)
    kind = str(body.get("object"))
    if kind == "list":
        return _list(body, path)
    _against(_validator(f"deleted_{kind}" if body.get("deleted") else kind, path), body, path)
    _count(kind, body)
    if kind == "event":
        validate(body["data"]["object"], f"{path}/data/object")


def counts() -> dict[str, tuple[int, list[str]]]:
    """What was counted so far, for another process to add."""
    return {kind: (checked[kind], sorted(seen[kind])) for kind in checked}


def add(counted: Mapping[str, tuple[int, list[str]]]) -> None:
    """Add what another process counted."""
    for kind, (count, names) in counted.items():
        checked[kind] += count
        seen[kind].update(names)


def report() -> dict[str, dict[str, Any]]:
    """Of each kind: how many were checked, the properties seen with a value, and the others."""
    return {
        kind: {
            "checked": checked[kind],
            "seen": sorted(seen[kind]),
            "never": sorted(_properties(kind) - seen[kind]),
        }
        for kind in sorted(checked)
    }


def _error(body: Mapping[str, Any], path: str) -> None:
    _against(_error_validator(), body, path)
    _count("error", body["error"])
    for name in ("payment_intent", "payment_method"):
        if name in body["error"]:
            validate(body["error"][name], f"{path}/error/{name}")


def _list(body: Mapping[str, Any], path: str) -> None:
    _against(_list_validator(), body, path)
    _count("list", body)
    for index, item in enumerate(body["data"]):
        validate(item, f"{path}/data/{index}")


def _count(kind: str, body: Mapping[str, Any]) -> None:
    checked[kind] += 1
    seen[kind].update(name for name, value in body.items() if value is not None)


def _against(validator: Any, body: Mapping[str, Any], path: str) -> None:
    error = next(validator.iter_errors(body), None)
    if error is None:
        return
    where = path + "".join(f"/{part}" for part in error.instance_path)
    identity = body.get("id") or body.get("object") or "error"
    raise NotOnTheWire(f"{identity}: at {where or '/'}: {error.message[:2000]}")


@cache
def _schema() -> dict[str, Any]:
    schema = msgspec.json.decode(SCHEMA.read_bytes())
    for definition in schema["$defs"].values():
        _close(definition)
    return dict(schema)


def _close(node: Any) -> None:
    """Refuse undeclared properties wherever an object declares some and does not say otherwise."""
    if isinstance(node, list):
        for item in node:
            _close(item)
    elif isinstance(node, dict):
        if node.get("type") == "object" and node.get("properties"):
            node.setdefault("additionalProperties", False)
        for value in node.values():
            _close(value)


@cache
def _validator(root: str, path: str) -> Any:
    schema = _schema()
    if root not in schema["roots"]:
        raise NotOnTheWire(f"at {path or '/'}: no object of the API is called {root}")
    reference = schema["roots"][root]
    return jsonschema_rs.Draft202012Validator({"$ref": reference, "$defs": _reachable(reference)})


def _reachable(reference: str) -> dict[str, Any]:
    """Only the definitions that a root leads to, so that compiling is quick."""
    found: dict[str, Any] = {}
    waiting = [reference]
    while waiting:
        name = waiting.pop().removeprefix("#/$defs/").replace("~1", "/").replace("~0", "~")
        if name not in found:
            found[name] = _schema()["$defs"][name]
            waiting.extend(_references(found[name]))
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [reference for item in node for reference in _references(item)]
    if not isinstance(node, dict):
        return []
    here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return here + [reference for value in node.values() for reference in _references(value)]


@cache
def _properties(kind: str) -> set[str]:
    if kind == "error":
        return set(_ERROR["properties"]["error"]["properties"])
    if kind == "list":
        return set(_LIST["properties"])
    reference = _schema()["roots"][kind].removeprefix("#/$defs/")
    return set(_schema()["$defs"][reference]["properties"])


_TEXT = {"type": "string", "minLength": 1}
_OBJECT = {"type": "object"}
_LIST: dict[str, Any] = {
    "type": "object",
    "required": ["object", "data", "has_more", "url"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": _OBJECT},
        "has_more": {"type": "boolean"},
        "url": {"type": "string", "pattern": "^/v1/"},
    },
    "additionalProperties": False,
}
_TYPES = ["api_error", "card_error", "idempotency_error", "invalid_request_error"]
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"enum": _TYPES},
                "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                "message": _TEXT,
                "param": {"type": "string"},
                "doc_url": {"type": "string", "pattern": "^https://"},
                "decline_code": _TEXT,
                "charge": _TEXT,
                "payment_intent": _OBJECT,
                "payment_method": _OBJECT,
                "setup_intent": _OBJECT,
                "request_log_url": _TEXT,
                "advice_code": _TEXT,
                "network_decline_code": _TEXT,
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}


@cache
def _list_validator() -> Any:
    return jsonschema_rs.Draft202012Validator(_LIST)


@cache
def _error_validator() -> Any:
    return jsonschema_rs.Draft202012Validator(_ERROR)
