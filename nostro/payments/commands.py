"""What merchants ask of a payment, decided purely: create, update, confirm, capture, cancel.

Each that needs the acquirer ends in `Sending`: the attempt is durable before anything leaves the house.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.customers.model import Customer
from nostro.customers.store import CUSTOMERS
from nostro.events.emit import Origin, emit
from nostro.kernel.answer import Answer, Proceed, Refusal, invalid, locked, missing, snapshot
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.outcome import Operation
from nostro.kernel.table import Table
from nostro.payment_methods.commands import Draft, merged
from nostro.payment_methods.model import PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.payments.machine import INTENT, AttemptState, IntentEvent, IntentStatus
from nostro.payments.model import Attempt, Charge, Intent, Terms
from nostro.payments.store import ATTEMPTS, CHARGES, INTENTS
from nostro.routing.model import Facts, Routes
from nostro.routing.route import Health, first

Rows = list[tuple[Table[Any], Any]]
CONFIRMABLE = (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION)
CANCELABLE = (*CONFIRMABLE, IntentStatus.REQUIRES_CAPTURE)


class Sending(Proceed, frozen=True):
    """The attempt to send, and the intent and method it is for."""

    row: Attempt
    intent: Intent
    method: PaymentMethod | None = None


class Sender(msgspec.Struct, frozen=True):
    """Who sends, to whom and until when: the instance, the routes, the deadlines (system time), the key row.

    `health` names the acquirers whose circuit is open, for sales and for authorizations alike.

    An attempt with a security code is not `replayable`: the code was given now, or is one of `cvc_tokens`.
    """

    instance: str
    routes: Routes
    send_by: SystemTime
    lease_until: SystemTime
    key: str | None = None
    replayable: bool = True
    cvc_tokens: frozenset[str] = frozenset()
    health: Mapping[Operation, Health] = {}

    def acquirer(self, operation: Operation, facts: Facts) -> str | None:
        """Where it goes; None if no rule lets any acquirer take it."""
        return first(self.routes, facts, self.health.get(operation, {}))


class MethodChoice(msgspec.Struct, frozen=True):
    """How the request names its card: an id, or a draft to be materialised; neither leaves it as it is."""

    id: str | None = None
    draft: Draft | None = None

    @property
    def given(self) -> bool:
        """Whether the request names a card at all."""
        return self.id is not None or self.draft is not None


class Changes(msgspec.Struct, frozen=True):
    """What a create, update or confirm sets on an intent; None leaves it as it is."""

    amount: int | None = None
    currency: str | None = None
    customer: str | None = None
    capture_method: str | None = None
    terms: Terms | None = None
    method: MethodChoice = MethodChoice()


Decided = Decision[Answer | Refusal | Proceed]


class CreateIntent(msgspec.Struct, frozen=True):
    """Create an intent, and confirm it at once if asked."""

    book: int
    seed: bytes
    origin: Origin
    changes: Changes
    confirm: bool
    sender: Sender

    def reads(self) -> Reads:
        """The customer and the method that the request names."""
        return Reads(_named_rows(self.changes))

    def decide(self, view: View) -> Decided:
        """The intent in its first state; confirmed, it goes on as an attempt."""
        changes = self.changes
        assert changes.amount and changes.currency and changes.terms and changes.capture_method
        chosen = _choose(view, self.origin, changes, None)
        if isinstance(chosen, Refusal):
            return Decision(chosen)
        method, rows = chosen
        identifier = view.mint.new("pi")
        intent = Intent(
            identifier, self.origin.account, IntentStatus.REQUIRES_PAYMENT_METHOD, changes.amount,
            changes.currency, changes.capture_method, f"{identifier}_secret_{view.mint.secret()}",
            view.now, self.origin.live, changes.terms, changes.customer,
        )  # fmt: skip
        if method is not None:
            intent = _with_method(intent, method.id)
        rows.append(emit(view, self.origin, "payment_intent.created", snapshot(intent)))
        if not self.confirm:
            return Decision(Answer(snapshot(intent)), [*rows, (INTENTS, intent)])
        confirmed = _confirm(view, self.origin, self.sender, intent, method, rows)
        if isinstance(confirmed.answer, Refusal):  # nothing is created, so nothing is shown
            return Decision(replace(confirmed.answer, payment_intent=None))
        return confirmed


class UpdateIntent(msgspec.Struct, frozen=True):
    """Change an intent that has not been confirmed; metadata and description may change at any time."""

    book: int
    seed: bytes
    origin: Origin
    intent: str
    changes: Changes
    patch: dict[str, Any]

    def reads(self) -> Reads:
        """The intent, and what the request names."""
        return Reads([(INTENTS, self.intent), *_named_rows(self.changes)])

    def decide(self, view: View) -> Decided:
        """Refuse what may not change any more; otherwise apply it."""
        intent = own_intent(view, self.origin, self.intent)
        if isinstance(intent, Refusal):
            return Decision(intent)
        refusal = self._refusal(intent)
        chosen = _choose(view, self.origin, self.changes, intent)
        if refusal or isinstance(chosen, Refusal):
            return Decision(refusal or chosen)  # type: ignore[arg-type]
        method, rows = chosen
        changed = apply(intent, self.changes, self.patch)
        if self.changes.method.given and method is not None:
            changed = _with_method(changed, method.id)
        return Decision(Answer(snapshot(changed)), [*rows, (INTENTS, changed)])

    def _refusal(self, intent: Intent) -> Refusal | None:
        changes = self.changes
        touched = [
            name
            for name, given in (
                ("amount", changes.amount), ("currency", changes.currency),
                ("customer", changes.customer), ("payment_method", changes.method.given or None),
                ("capture_method", changes.capture_method),
            )
            if given is not None
        ]  # fmt: skip
        if not touched or intent.status in CONFIRMABLE:
            return None
        return unexpected_state(
            intent,
            f"This PaymentIntent's {touched[0]} could not be updated because it has a status of "
            f"{intent.status}. You may only update the {touched[0]} of a PaymentIntent with one of "
            "the following statuses: requires_payment_method, requires_confirmation.",
        )


class ConfirmIntent(msgspec.Struct, frozen=True):
    """Confirm an existing intent, perhaps with a card given now."""

    book: int
    seed: bytes
    origin: Origin
    intent: str
    changes: Changes
    patch: dict[str, Any]
    sender: Sender
    current_method: str | None = None  # as read before; the decision compares it under the lock

    def reads(self) -> Reads:
        """The intent, what the request names, and the method the intent had when the request came."""
        rows = [(INTENTS, self.intent), *_named_rows(self.changes)]
        if self.current_method:
            rows.append((METHODS, self.current_method))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """Only an intent that waits for it can be confirmed, and only with a card."""
        intent = own_intent(view, self.origin, self.intent)
        if isinstance(intent, Refusal):
            return Decision(intent)
        if intent.status is IntentStatus.PROCESSING:
            return Decision(locked())
        if intent.status not in CONFIRMABLE:
            return Decision(_not_confirmable(intent))
        chosen = _choose(view, self.origin, self.changes, intent)
        if isinstance(chosen, Refusal):
            return Decision(chosen)
        method, rows = chosen
        intent = apply(intent, self.changes, self.patch)
        if method is None and intent.payment_method:
            if intent.payment_method != self.current_method:
                return Decision(locked())
            method = view.get(METHODS, intent.payment_method)
        return _confirm(view, self.origin, self.sender, intent, method, rows)


class CaptureIntent(msgspec.Struct, frozen=True):
    """Capture what was authorized, or a part; the rest is released."""

    book: int
    seed: bytes
    origin: Origin
    intent: str
    charge: str | None  # the latest charge, as read before
    amount: int | None
    patch: dict[str, Any]
    sender: Sender

    def reads(self) -> Reads:
        """The intent and its charge."""
        rows: list[tuple[Table[Any], str]] = [(INTENTS, self.intent)]
        if self.charge:
            rows.append((CHARGES, self.charge))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """Intend the capture; the intent is processing until its outcome is known."""
        found = _capturable(view, self.origin, self.intent, self.charge, "captured")
        if isinstance(found, Refusal):
            return Decision(found)
        intent, charge = found
        amount = charge.amount if self.amount is None else self.amount
        if amount > intent.amount_capturable:
            return Decision(
                invalid(
                    f"The amount ({amount}) you requested to capture is greater than the amount "
                    f"you can capture for this PaymentIntent ({intent.amount_capturable}).",
                    "amount_too_large",
                    "amount_to_capture",
                )
            )
        attempt = _attempt(
            view, self.sender, intent, charge, Operation.CAPTURE, amount, self.origin
        )
        intent = apply(intent, Changes(), self.patch)
        moved = replace(intent, status=INTENT.step(intent.status, IntentEvent.CAPTURE_SENT))
        return _sending(moved, attempt, None, [(INTENTS, moved)])


class CancelIntent(msgspec.Struct, frozen=True):
    """Cancel an intent; an authorization is voided at the acquirer first."""

    book: int
    seed: bytes
    origin: Origin
    intent: str
    charge: str | None
    reason: str | None
    sender: Sender

    def reads(self) -> Reads:
        """The intent and its charge."""
        rows: list[tuple[Table[Any], str]] = [(INTENTS, self.intent)]
        if self.charge:
            rows.append((CHARGES, self.charge))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """Without an authorization it is over at once; with one, the void is intended."""
        intent = own_intent(view, self.origin, self.intent)
        if isinstance(intent, Refusal):
            return Decision(intent)
        if intent.status is IntentStatus.PROCESSING:
            return Decision(locked())
        if intent.status not in CANCELABLE:
            return Decision(_not_cancelable(intent))
        if intent.status is IntentStatus.REQUIRES_CAPTURE:
            return self._void(view)
        canceled = replace(
            intent,
            status=INTENT.step(intent.status, IntentEvent.CANCELED),
            canceled_ms=view.now,
            cancellation_reason=self.reason,
        )
        shown = snapshot(canceled)
        event = emit(view, self.origin, "payment_intent.canceled", shown)
        return Decision(Answer(shown), [(INTENTS, canceled), event])

    def _void(self, view: View) -> Decided:
        found = _capturable(view, self.origin, self.intent, self.charge, "canceled")
        if isinstance(found, Refusal):
            return Decision(found)
        intent, charge = found
        attempt = _attempt(
            view, self.sender, intent, charge, Operation.VOID, charge.amount, self.origin
        )
        attempt = replace(attempt, reason=self.reason)
        moved = replace(intent, status=INTENT.step(intent.status, IntentEvent.VOID_SENT))
        return _sending(moved, attempt, None, [(INTENTS, moved)])


def own_intent(view: View, origin: Origin, identifier: str) -> Intent | Refusal:
    """The intent, if it is the account's own; otherwise it does not exist for it."""
    intent = view.get(INTENTS, identifier)
    if intent is None or intent.account != origin.account:
        return missing("payment_intent", identifier, "intent")
    return intent


def unexpected_state(intent: Intent, message: str) -> Refusal:
    """400 payment_intent_unexpected_state, which carries the intent."""
    return Refusal(
        400, "invalid_request_error", message, "payment_intent_unexpected_state",
        payment_intent=snapshot(intent),
    )  # fmt: skip


def apply(intent: Intent, changes: Changes, patch: dict[str, Any]) -> Intent:
    """The intent with the changes; `patch` replaces fields of its terms (metadata merges)."""
    fields: dict[str, Any] = {
        name: value
        for name in ("amount", "currency", "customer", "capture_method")
        if (value := getattr(changes, name)) is not None
    }
    if patch:
        fields["terms"] = patched(intent.terms, patch)
    return replace(intent, **fields) if fields else intent


def patched(terms: Terms, patch: dict[str, Any]) -> Terms:
    """Terms with some fields replaced; `metadata` is merged, an empty value deletes its key."""
    patch = dict(patch)
    if "metadata" in patch:
        patch["metadata"] = merged(terms.metadata, patch["metadata"])
    return replace(terms, **patch)


def _named_rows(changes: Changes) -> list[tuple[Table[Any], str]]:
    rows: list[tuple[Table[Any], str]] = []
    if changes.customer:
        rows.append((CUSTOMERS, changes.customer))
    if changes.method.id:
        rows.append((METHODS, changes.method.id))
    return rows


def _choose(
    view: View, origin: Origin, changes: Changes, intent: Intent | None
) -> tuple[PaymentMethod | None, Rows] | Refusal:
    """The method the request names (materialised, if it is new), or why it may not be used."""
    if changes.customer:
        customer = view.get(CUSTOMERS, changes.customer)
        if not _is_own(customer, origin):
            return missing("customer", changes.customer, "customer")
    if changes.method.draft is not None:
        method, rows = changes.method.draft.materialise(view, origin)
        return method, rows
    if changes.method.id is None:
        return None, []
    method_or_none = view.get(METHODS, changes.method.id)
    if method_or_none is None or method_or_none.account != origin.account:
        return missing("PaymentMethod", changes.method.id, "payment_method")
    customer_id = changes.customer or (intent.customer if intent else None)
    if method_or_none.customer and method_or_none.customer != customer_id:
        return invalid(
            f"The PaymentMethod {method_or_none.id} belongs to a Customer. Please include the "
            f"Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    return method_or_none, []


def _is_own(customer: Customer | None, origin: Origin) -> bool:
    return customer is not None and customer.account == origin.account and not customer.deleted


def _with_method(intent: Intent, method: str) -> Intent:
    status = INTENT.step(intent.status, IntentEvent.METHOD_GIVEN)
    return replace(intent, status=status, payment_method=method)


def _confirm(
    view: View,
    origin: Origin,
    sender: Sender,
    intent: Intent,
    method: PaymentMethod | None,
    rows: Rows,
) -> Decided:
    if method is None:
        return Decision(
            unexpected_state(
                intent,
                "You cannot confirm this PaymentIntent because it's missing a payment method. You "
                "can either update the PaymentIntent with a payment method and then confirm it "
                "again, or confirm it again directly with a payment method or ConfirmationToken.",
            )
        )
    operation = Operation.AUTHORIZE if intent.capture_method == "manual" else Operation.SALE
    acquirer = sender.acquirer(operation, facts_of(intent, method))
    if acquirer is None:
        return Decision(_nobody_takes(intent))
    moved = replace(
        intent,
        status=INTENT.step(intent.status, IntentEvent.SENT),
        payment_method=method.id,
        last_error=None,
    )
    attempt = Attempt(
        view.mint.new("att"), intent.account, intent.id, view.mint.new("ch"), operation,
        AttemptState.SENDING, acquirer, intent.amount, intent.currency, method.id, view.now,
        sender.send_by, sender.lease_until, sender.instance, replayable=sender.replayable and method.card_token not in sender.cvc_tokens,
        key=sender.key, request_id=origin.request_id, first_sent=view.system_now,
    )  # fmt: skip
    return _sending(moved, attempt, method, [*rows, (INTENTS, moved)])


def facts_of(intent: Intent, method: PaymentMethod) -> Facts:
    """What routing goes by."""
    return Facts(intent.amount, intent.currency, intent.account, method.card.brand)


def next_try(view: View, attempt: Attempt, sender: Sender, acquirer: str) -> Attempt:
    """The same payment at another acquirer: a message of its own, with a reference and a charge of its own."""
    return replace(
        attempt,
        id=view.mint.new("att"),
        charge=view.mint.new("ch"),
        state=AttemptState.SENDING,
        acquirer=acquirer,
        created_ms=view.now,
        send_by=sender.send_by,
        lease_until=sender.lease_until,
        holder=sender.instance,
        epoch=1,
        sends=1,
        first_sent=view.system_now,
        age_known=True,
        contradicted=False,
    )


def _nobody_takes(intent: Intent) -> Refusal:
    return Refusal(
        400, "invalid_request_error",
        f"No acquirer takes a card payment of {intent.amount} {intent.currency} here: the routing "
        "rules leave all of them out. `nostro routing explain` says why.",
        saved=False,
    )  # fmt: skip


def _attempt(
    view: View,
    sender: Sender,
    intent: Intent,
    charge: Charge,
    operation: Operation,
    amount: int,
    origin: Origin,
) -> Attempt:
    return Attempt(
        view.mint.new("att"), intent.account, intent.id, charge.id, operation,
        AttemptState.SENDING, charge.acquirer, amount, intent.currency, charge.payment_method,
        view.now, sender.send_by, sender.lease_until, sender.instance, original=charge.reference,
        key=sender.key, request_id=origin.request_id, hold=charge.hold,
        first_sent=view.system_now,
    )  # fmt: skip


def _sending(intent: Intent, attempt: Attempt, method: PaymentMethod | None, rows: Rows) -> Decided:
    return Decision(Sending(attempt.id, attempt, intent, method), [*rows, (ATTEMPTS, attempt)])


def _capturable(
    view: View, origin: Origin, identifier: str, charge_id: str | None, verb: str
) -> tuple[Intent, Charge] | Refusal:
    intent = own_intent(view, origin, identifier)
    if isinstance(intent, Refusal):
        return intent
    if intent.status is IntentStatus.PROCESSING:
        return locked()
    if intent.status is not IntentStatus.REQUIRES_CAPTURE:
        return unexpected_state(
            intent,
            f"This PaymentIntent could not be {verb} because it has a status of {intent.status}. "
            f"Only a PaymentIntent with one of the following statuses may be {verb}: "
            "requires_capture.",
        )
    charge = view.get(CHARGES, charge_id) if charge_id else None
    if charge is None or charge.id != intent.latest_charge:
        return locked()  # it moved on between the read before the queue and the decision
    return intent, charge


def _not_confirmable(intent: Intent) -> Refusal:
    if intent.status is IntentStatus.SUCCEEDED:
        return unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
        )
    return unexpected_state(
        intent,
        f"You cannot confirm this PaymentIntent because it has a status of {intent.status}. Only a "
        "PaymentIntent with one of the following statuses may be confirmed: "
        "requires_payment_method, requires_confirmation, requires_action.",
    )


def _not_cancelable(intent: Intent) -> Refusal:
    return unexpected_state(
        intent,
        f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. Only a "
        "PaymentIntent with one of the following statuses may be canceled: "
        "requires_payment_method, requires_capture, requires_confirmation, requires_action, "
        "processing.",
    )
