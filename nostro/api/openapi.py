"""The API described in OpenAPI 3.1, made from its operations: what is served is what is described.

Parameters are exact: they are the specifications that requests are read by. Answers are named, and promise only what
each kind of object always has; the rest of an object is as Stripe documents it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

from nostro.api import versions
from nostro.api.fields import Schema
from nostro.api.operation import Operation, by_path
from nostro.api.parameters import openapi_query, openapi_schema

DOCUMENT_VERSION = "3.1.0"
_JSON = "application/json"
_PLACE = re.compile(r"\{(\w+)\}")
_ERROR_TYPES = ["api_error", "card_error", "idempotency_error", "invalid_request_error"]
# What every object of a kind has beside its `object`, as type by name.
_ALWAYS: dict[str, str] = {
    "account": "id:string charges_enabled:boolean payouts_enabled:boolean type:string",
    "balance": "available:array pending:array livemode:boolean",
    "balance_transaction": "id:string amount:integer fee:integer net:integer currency:string "
    "created:integer available_on:integer status:string type:string",
    "charge": "id:string amount:integer amount_captured:integer amount_refunded:integer "
    "captured:boolean currency:string created:integer livemode:boolean metadata:object "
    "paid:boolean refunded:boolean status:string",
    "customer": "id:string",
    "event": "id:string created:integer data:object livemode:boolean pending_webhooks:integer "
    "type:string",
    "ledger_account": "id:string balance:integer currency:string debits_posted:integer "
    "credits_posted:integer",
    "ledger_entry": "id:string amount:integer pending:integer balance:integer code:string "
    "counter_account:string created:integer effective_on:string kind:string subject:string",
    "ledger_explanation": "id:string subjects:array transfers:array records:array",
    "payment_intent": "id:string amount:integer client_secret:string currency:string "
    "created:integer livemode:boolean metadata:object status:string",
    "payment_method": "id:string billing_details:object card:object created:integer "
    "livemode:boolean metadata:object type:string",
    "refund": "id:string amount:integer currency:string created:integer metadata:object "
    "status:string",
    "webhook_endpoint": "id:string",
}


def document(operations: Sequence[Operation]) -> Schema:
    """The whole document, as a value to be written as JSON."""
    paths = by_path(operations)
    return {
        "openapi": DOCUMENT_VERSION,
        "info": {"title": "Nostro", "version": versions.LATEST, "summary": "Payment processing."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {path: _path(path, methods) for path, methods in paths.items()},
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _path(path: str, methods: dict[str, Operation]) -> Schema:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(path)
    ]
    described = {method.lower(): _operation(operation) for method, operation in methods.items()}
    return {"parameters": named, **described} if named else described


def _operation(operation: Operation) -> Schema:
    described: Schema = {
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "description": inspect.getdoc(operation.handler) or "",
        "parameters": [_header("Stripe-Version", "The version of the API to answer at.")],
        "responses": {"200": _answer(operation), "default": _error()},
    }
    if operation.method == "POST":
        described["parameters"].append(_header("Idempotency-Key", "Makes repeating it safe.", 255))
        described["requestBody"] = openapi_schema(operation.spec)
    else:
        described["parameters"] += openapi_query(operation.spec)
    return described


def operation_id(operation: Operation) -> str:
    """A name that is unique in the document, such as `post_payment_intents_id_confirm`."""
    words = _PLACE.sub(r"\1", operation.path.removeprefix("/").removeprefix("v1/")).replace(
        "/", "_"
    )
    return f"{operation.method.lower()}_{words}"


def _header(name: str, description: str, longest: int | None = None) -> Schema:
    schema: Schema = {"type": "string"} | ({"maxLength": longest} if longest else {})
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _answer(operation: Operation) -> Schema:
    schema = _reference(operation.returns)
    if operation.listed:
        schema = {
            "allOf": [_reference("list")],
            "properties": {"data": {"type": "array", "items": schema}},
        }
    return {"description": "Done.", "content": {_JSON: {"schema": schema}}}


def _error() -> Schema:
    return {
        "description": "Refused or failed.",
        "content": {_JSON: {"schema": _reference("error")}},
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# Files that are verified outside: they name their kind and version by a field of their own.
_FILE = "nostro_"


def _schemas(operations: Sequence[Operation]) -> Schema:
    kinds = sorted({operation.returns for operation in operations})
    objects = {kind: _object(kind) for kind in kinds}
    return {**objects, "list": _LIST, "error": _ERROR}


def _object(kind: str) -> Schema:
    if kind.startswith(_FILE):
        return {"type": "object", "required": [kind], "properties": {kind: {"const": 1}}}
    pairs = [pair.split(":") for pair in _ALWAYS.get(kind, "").split()]
    properties: Schema = {"object": {"const": kind}}
    properties.update((name, {"type": type_}) for name, type_ in pairs)
    return {"type": "object", "required": sorted(properties), "properties": properties}


_LIST: Schema = {
    "type": "object",
    "required": ["data", "has_more", "object", "url"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array"},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    },
}
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {
                "type": {"enum": _ERROR_TYPES},
                "message": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": "string"},
                "decline_code": {"type": "string"},
                "doc_url": {"type": "string"},
                "charge": {"type": "string"},
                "payment_intent": {"type": "object"},
                "payment_method": {"type": "object"},
            },
        }
    },
}
