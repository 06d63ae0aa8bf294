"""The acquirer's rules: pure decisions over a batch of rows. No I/O, no clock but the batch's.

A decision either changes the batch and gives an answer, or raises `Refusal` having changed nothing
(a late request alone leaves a tombstone).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox import cards
from sandbox.identity import Identity, full_year
from sandbox.messages import Address, Authorize, Cancel, Capture, Inquire, Refund, Request, Void
from sandbox.model import Batch, Operation


class Refusal(Exception):
    """A request that was not processed at all: HTTP status, snake_case code, a sentence."""

    def __init__(
        self, status: int, code: str, message: str, operation: Operation | None = None
    ) -> None:
        """``operation`` is what stands in the way, shown in the answer."""
        super().__init__(message)
        self.status, self.code, self.message, self.operation = status, code, message, operation


class Decided:
    """An operation and how this answer speaks of it."""

    __slots__ = ("cancelled", "duplicate", "operation")

    def __init__(
        self, operation: Operation, *, duplicate: bool = False, cancelled: bool = False
    ) -> None:
        """``duplicate``: nothing moved now. ``cancelled``: this answers a cancel."""
        self.operation, self.duplicate, self.cancelled = operation, duplicate, cancelled


class Buried:
    """The answer to a cancel of a reference that was never seen: it never will be."""

    __slots__ = ("reference",)

    def __init__(self, reference: str) -> None:
        """Name the tombstone."""
        self.reference = reference


class NotFound:
    """The answer to an inquiry about a reference without an operation."""

    __slots__ = ("reason", "reference")

    def __init__(self, reference: str, reason: str | None) -> None:
        """``reason`` is the tombstone's, if there is one."""
        self.reference, self.reason = reference, reason


Answer = Decided | Buried | NotFound


def references_of(request: Request) -> tuple[str, ...]:
    """Name the rows a request reads."""
    if isinstance(request, (Capture, Void, Refund)):
        return (request.reference, request.original)
    return (request.reference,)


def decide(batch: Batch, request: Any, identity: Identity) -> Answer:
    """Decide one request against the batch, or raise `Refusal`."""
    rule = _RULES.get(type(request))
    if rule is not None:
        return rule(batch, request)
    card_hash = identity.card_hash(request.card.number) if type(request) is Authorize else None
    fingerprint = identity.fingerprint(request, card_hash)
    known = batch.known(request.reference)
    if known is not None:
        return _repeat(known, fingerprint)
    _refuse_buried(batch, request.reference)
    _refuse_late(batch, request)
    if card_hash is not None:
        return Decided(_authorize(batch, request, fingerprint, card_hash))
    return Decided(_ON_ORIGINAL[type(request)](batch, request, fingerprint))


def mature(batch: Batch, refund: Operation) -> None:
    """Turn a refund whose delay is over into what it becomes; ``original`` must be in the batch."""
    refund.matures_ms, refund.matured_ms = None, batch.now_ms
    if refund.refund_manner == cards.RefundManner.PENDING:
        refund.outcome = refund.state = "approved"
    else:
        refund.state, refund.failure_reason = "failed", "expired_or_canceled_card"
        original = batch.operations[str(refund.original)]
        original.refunded -= refund.amount
        batch.change(original)
    batch.change(refund)


def _repeat(known: Operation, fingerprint: bytes) -> Decided:
    if known.fingerprint != fingerprint:
        raise Refusal(422, "reference_reused", "This reference was used with other parameters.")
    if known.cancelled_ms is not None:
        raise Refusal(400, "cancelled_reference", "This reference was cancelled.", known)
    return Decided(known, duplicate=True)


def _refuse_buried(batch: Batch, reference: str) -> None:
    if reference in batch.tombstones:
        message = "This reference was cancelled, or arrived too late, before it was processed."
        raise Refusal(400, "cancelled_reference", message)


def _refuse_late(batch: Batch, request: Authorize | Capture | Void | Refund) -> None:
    if not batch.manner.honours_send_by or request.send_by is None:
        return
    if request.send_by < batch.now_ms:
        batch.bury(request.reference, "rejected_late")
        raise Refusal(400, "rejected_late", "The request arrived after its send_by.")


def _authorize(batch: Batch, request: Authorize, fingerprint: bytes, card_hash: bytes) -> Operation:
    card = request.card
    behaviour = cards.behaviour_of(card.number)
    decline = _decline(batch, request, behaviour)
    word = "approved" if decline is None else "declined"
    is_captured = request.capture and decline is None
    operation = Operation(
        seq=batch.next_seq,
        reference=request.reference,
        operation="sale" if request.capture else "authorize",
        original=None,
        merchant=request.merchant,
        amount=request.amount,
        currency=request.currency,
        outcome=word,
        state=word,
        response_code=None if decline is None else decline.response_code,
        decline_code=None if decline is None else decline.decline_code,
        captured=request.amount if is_captured else 0,
        refunded=0,
        closed=request.capture or decline is not None,
        created_ms=batch.now_ms,
        cancelled_ms=None,
        matures_ms=None,
        matured_ms=None,
        failure_reason=None,
        refund_manner=behaviour.refund,
        card_bin=card.number[:6],
        card_last4=card.number[-4:],
        card_hash=card_hash,
        cvc_check=behaviour.cvc_check if card.cvc is not None else cards.Check.UNCHECKED,
        address_checks=_address_checks(request.address, behaviour),
        fingerprint=fingerprint,
    )
    batch.insert(operation)
    return operation


def _decline(batch: Batch, request: Authorize, behaviour: cards.Behaviour) -> cards.Decline | None:
    if behaviour.needs_authentication and not request.authenticated:
        return cards.NOT_AUTHENTICATED
    if behaviour.decline is not None:
        return behaviour.decline
    return cards.EXPIRED if _is_expired(request, batch.now_ms) else None


def _is_expired(request: Authorize, now_ms: int) -> bool:
    today = datetime.fromtimestamp(now_ms // 1000, UTC)
    return (full_year(request.card), request.card.exp_month) < (today.year, today.month)


def _address_checks(address: Address | None, behaviour: cards.Behaviour) -> str | None:
    if address is None:
        return None
    line1 = behaviour.line1_check if address.line1 else cards.Check.UNCHECKED
    postal = behaviour.postal_code_check if address.postal_code else cards.Check.UNCHECKED
    return f"{line1}/{postal}"


def _capture(batch: Batch, request: Capture, fingerprint: bytes) -> Operation:
    original = _standing_original(batch, request.original, "authorize")
    if original.closed:
        message = "Nothing more can be captured: the last capture was final."
        raise Refusal(409, "already_final", message)
    _same_currency(original, request.currency)
    _within(request.amount, original.amount - original.captured, "authorized and not captured")
    original.captured += request.amount
    original.closed = request.final
    batch.change(original)
    return _follow(batch, original, request.reference, "capture", request.amount, fingerprint)


def _void(batch: Batch, request: Void, fingerprint: bytes) -> Operation:
    original = _standing_original(batch, request.original, "authorize")
    if original.captured:
        raise Refusal(409, "already_captured", "A captured authorization cannot be voided.")
    original.state, original.closed = "voided", True
    batch.change(original)
    return _follow(batch, original, request.reference, "void", original.amount, fingerprint)


def _refund(batch: Batch, request: Refund, fingerprint: bytes) -> Operation:
    original = _standing_original(batch, request.original, "authorize", "sale")
    _same_currency(original, request.currency)
    _within(request.amount, original.captured - original.refunded, "captured and not refunded")
    original.refunded += request.amount
    batch.change(original)
    refund = _follow(batch, original, request.reference, "refund", request.amount, fingerprint)
    if original.refund_manner is not None:
        refund.refund_manner = original.refund_manner
        refund.matures_ms = batch.now_ms + batch.refund_delay_ms
    if original.refund_manner == cards.RefundManner.PENDING:
        refund.outcome = refund.state = "pending"
    return refund


def _standing_original(batch: Batch, reference: str, *operations: str) -> Operation:
    original = batch.operations.get(reference)
    if original is None:
        raise Refusal(404, "original_not_found", "There is no operation with this reference.")
    if original.operation not in operations:
        message = f"The original is a {original.operation}, not one of {', '.join(operations)}."
        raise Refusal(409, "wrong_original", message)
    if original.state != "approved":
        code = "original_declined" if original.state == "declined" else f"already_{original.state}"
        raise Refusal(409, code, f"The original is {original.state}.")
    return original


def _same_currency(original: Operation, currency: str) -> None:
    if original.currency != currency:
        message = f"The original is in {original.currency}, the request in {currency}."
        raise Refusal(400, "currency_mismatch", message)


def _within(amount: int, remaining: int, meaning: str) -> None:
    if amount > remaining:
        message = f"{amount} is more than the {remaining} that is {meaning}."
        raise Refusal(409, "amount_too_large", message)


def _follow(
    batch: Batch,
    original: Operation,
    reference: str,
    name: str,
    amount: int,
    fingerprint: bytes,
) -> Operation:
    """Insert an approved operation that acts on ``original``."""
    operation = Operation(
        seq=batch.next_seq,
        reference=reference,
        operation=name,
        original=original.reference,
        merchant=original.merchant,
        amount=amount,
        currency=original.currency,
        outcome="approved",
        state="approved",
        response_code=None,
        decline_code=None,
        captured=0,
        refunded=0,
        closed=True,
        created_ms=batch.now_ms,
        cancelled_ms=None,
        matures_ms=None,
        matured_ms=None,
        failure_reason=None,
        refund_manner=None,
        card_bin=original.card_bin,
        card_last4=original.card_last4,
        card_hash=original.card_hash,
        cvc_check=None,
        address_checks=None,
        fingerprint=fingerprint,
    )
    batch.insert(operation)
    return operation


def _cancel(batch: Batch, request: Cancel) -> Answer:
    operation = batch.known(request.reference)
    if operation is None:
        if request.reference not in batch.tombstones:
            batch.bury(request.reference, "cancelled_reference")
        return Buried(request.reference)
    if operation.operation not in ("authorize", "sale"):
        message = f"A {operation.operation} cannot be cancelled."
        raise Refusal(409, "cannot_cancel", message, operation)
    if operation.state == "approved":
        _undo(batch, operation)
    return Decided(operation, cancelled=True)


def _undo(batch: Batch, operation: Operation) -> None:
    own = operation.amount if operation.operation == "sale" else 0
    if operation.captured != own or operation.refunded:
        message = "It has captures or refunds: refund what was captured instead."
        raise Refusal(409, "cannot_cancel", message, operation)
    operation.state, operation.cancelled_ms = "cancelled", batch.now_ms
    operation.captured, operation.closed = 0, True
    batch.change(operation)


def _inquire(batch: Batch, request: Inquire) -> Answer:
    operation = batch.known(request.reference)
    if operation is not None:
        return Decided(operation)
    tombstone = batch.tombstones.get(request.reference)
    return NotFound(request.reference, None if tombstone is None else tombstone.reason)


_RULES: dict[type, Callable[[Batch, Any], Answer]] = {Cancel: _cancel, Inquire: _inquire}
_ON_ORIGINAL: dict[type, Callable[[Batch, Any, bytes], Operation]] = {
    Capture: _capture,
    Void: _void,
    Refund: _refund,
}
