"""Answers as they leave: decisions rendered to JSON with their HTTP status."""

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sandbox.decisions import Answer, Buried, Decided, NotFound, Refusal
from sandbox.identity import Identity, authorization_code
from sandbox.model import Operation

POLL_AFTER_MS = 250


class Reply(NamedTuple):
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


class OperationBody(Struct, kw_only=True, omit_defaults=True):
    """What the protocol says of an operation. Amounts are minor units, times Unix milliseconds."""

    outcome: str
    reference: str
    operation: str
    acquirer_reference: str
    amount: int
    currency: str
    state: str
    authorization_code: str | UnsetType = UNSET
    network_reference: str | UnsetType = UNSET
    response_code: str | UnsetType = UNSET
    decline_code: str | UnsetType = UNSET
    original: str | UnsetType = UNSET
    captured: int | UnsetType = UNSET
    refunded: int | UnsetType = UNSET
    cvc_check: str | UnsetType = UNSET
    address_line1_check: str | UnsetType = UNSET
    address_postal_code_check: str | UnsetType = UNSET
    provisional: bool = False
    poll_after_ms: int | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET
    cancelled: bool = False
    duplicate: bool = False
    created_ms: int


_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def render(answer: Answer, identity: Identity) -> Reply:
    """Render a decision."""
    if type(answer) is Decided:
        body = operation_body(answer.operation, identity)
        body.duplicate = answer.duplicate
        if answer.cancelled:
            body.outcome, body.cancelled = "approved", True
        return Reply(200, encode(body))
    if type(answer) is Buried:
        return Reply(200, encode(_buried(answer.reference)))
    assert type(answer) is NotFound
    return Reply(404, encode(_not_found(answer)))


def render_refusal(refusal: Refusal, identity: Identity) -> Reply:
    """Render a request that was not processed, with the operation that stands in its way."""
    body = rejection(refusal.code, refusal.message)
    if refusal.operation is not None:
        body["operation"] = operation_body(refusal.operation, identity)
    return Reply(refusal.status, encode(body))


def rejected(status: int, code: str, message: str) -> Reply:
    """Reply to a request that could not even be read as one."""
    return Reply(status, encode(rejection(code, message)))


def rejection(code: str, message: str) -> dict[str, Any]:
    """Say that nothing was done, and why."""
    return {"outcome": "rejected", "error": code, "message": message, "not_processed": True}


def operation_body(operation: Operation, identity: Identity) -> OperationBody:
    """Describe an operation as it stands."""
    body = OperationBody(
        outcome=operation.outcome,
        reference=operation.reference,
        operation=operation.operation,
        acquirer_reference=identity.acquirer_reference(operation.seq),
        network_reference=identity.network_reference(operation.seq),
        amount=operation.amount,
        currency=operation.currency,
        state=operation.state,
        cancelled=operation.cancelled_ms is not None,
        created_ms=operation.created_ms,
    )
    if operation.original is None:
        _describe_authorization(body, operation)
    else:
        body.original = operation.original
        _describe_refund(body, operation)
    return body


def _describe_authorization(body: OperationBody, operation: Operation) -> None:
    body.captured, body.refunded = operation.captured, operation.refunded
    if operation.cvc_check is not None:
        body.cvc_check = operation.cvc_check
    if operation.address_checks is not None:
        checks = operation.address_checks.split("/")
        body.address_line1_check, body.address_postal_code_check = checks
    if operation.response_code is None:
        body.authorization_code = authorization_code(operation.seq)
    else:
        body.response_code = operation.response_code
        body.decline_code = operation.decline_code or UNSET


def _describe_refund(body: OperationBody, operation: Operation) -> None:
    body.failure_reason = operation.failure_reason or UNSET
    if operation.matures_ms is not None:
        body.provisional = operation.outcome == "approved"
        body.poll_after_ms = POLL_AFTER_MS


def _buried(reference: str) -> dict[str, Any]:
    return {"outcome": "approved", "reference": reference, "cancelled": True, "tombstone": True}


def _not_found(answer: NotFound) -> dict[str, Any]:
    body: dict[str, Any] = {"outcome": "not_found", "reference": answer.reference}
    if answer.reason is not None:
        body |= {"state": "tombstone", "tombstone": True, "reason": answer.reason}
    return body
