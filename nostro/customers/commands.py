"""Customers, decided purely: create, update, delete, and the payment methods they have."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.customers.model import Customer
from nostro.customers.store import CUSTOMERS
from nostro.events.emit import Origin, emit
from nostro.kernel.answer import Answer, Refusal, invalid, locked, missing, snapshot
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.table import Table
from nostro.payment_methods.commands import Decided, Draft, Rows, before, merged, own_method
from nostro.payment_methods.model import PaymentMethod
from nostro.payment_methods.store import METHODS

DEFAULT_PARAM = "invoice_settings[default_payment_method]"
_SHOWN = (
    "name", "email", "phone", "description", "address", "shipping", "metadata",
    "default_payment_method", "preferred_locales", "tax_exempt",
)  # fmt: skip
_PREFIX_LENGTH = 8


class CreateCustomer(msgspec.Struct, frozen=True):
    """Make a customer with the fields in `patch`, and attach a method to it if one is named."""

    book: int
    seed: bytes
    origin: Origin
    patch: dict[str, Any]
    method: str | Draft | None = None

    def reads(self) -> Reads:
        """The method, if it is stored, and the default one."""
        default = self.patch.get("default_payment_method")
        named = [self.method if isinstance(self.method, str) else None, default]
        return Reads([(METHODS, name) for name in dict.fromkeys(named) if name])

    def decide(self, view: View) -> Decided:
        """The customer and its method, or why the method cannot be its own."""
        customer = self._customer(view)
        rows: Rows = []
        method: PaymentMethod | None = None
        if self.method is not None:
            attached = _attached(view, self.origin, self.method, customer.id)
            if isinstance(attached, Refusal):
                return Decision(attached)
            method, rows = attached
        default = customer.default_payment_method
        if default and (method is None or method.id != default):
            return Decision(_not_its_own(default))
        shown = snapshot(customer)
        created = emit(view, self.origin, "customer.created", shown)
        return Decision(Answer(shown), [(CUSTOMERS, customer), created, *rows])

    def _customer(self, view: View) -> Customer:
        patch = {**self.patch, "metadata": merged({}, self.patch.get("metadata"))}
        prefix = view.mint.secret()[:_PREFIX_LENGTH].upper()
        return Customer(
            view.mint.new("cus"), self.origin.account, view.now, self.origin.live,
            invoice_prefix=prefix, **patch,
        )  # fmt: skip


class UpdateCustomer(msgspec.Struct, frozen=True):
    """Replace the fields in `patch`; metadata merges."""

    book: int
    seed: bytes
    origin: Origin
    customer: str
    patch: dict[str, Any]

    def reads(self) -> Reads:
        """The customer, and the method that is to be its default."""
        rows: list[tuple[Table[Any], str]] = [(CUSTOMERS, self.customer)]
        if default := self.patch.get("default_payment_method"):
            rows.append((METHODS, default))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """The customer as changed; its default method must be attached to it."""
        customer = own_customer(view, self.origin, self.customer, "id")
        if isinstance(customer, Refusal):
            return Decision(customer)
        if default := self.patch.get("default_payment_method"):
            method = own_method(view, self.origin, default, DEFAULT_PARAM)
            if isinstance(method, Refusal) or method.customer != customer.id:
                return Decision(_not_its_own(default))
        patch = dict(self.patch)
        if "metadata" in patch:
            patch["metadata"] = merged(customer.metadata, patch["metadata"])
        changed = replace(customer, **patch)
        return Decision(Answer(snapshot(changed)), _kept(view, self.origin, customer, changed))


class DeleteCustomer(msgspec.Struct, frozen=True):
    """Delete a customer: its row stays, marked. `methods` are those it had as read before; they are detached.

    One attached in between keeps the name of a customer that is no more, and pays for nobody.
    """

    book: int
    seed: bytes
    origin: Origin
    customer: str
    methods: tuple[str, ...] = ()

    def reads(self) -> Reads:
        """The customer and its methods."""
        return Reads([(CUSTOMERS, self.customer), *((METHODS, name) for name in self.methods)])

    def decide(self, view: View) -> Decided:
        """The customer, marked. The event shows it as it last was."""
        customer = own_customer(view, self.origin, self.customer, "id")
        if isinstance(customer, Refusal):
            return Decision(customer)
        rows: Rows = []
        for name in self.methods:
            method = view.get(METHODS, name)
            if method is not None and method.customer == customer.id:
                rows += _detached(view, self.origin, method)[1]
        deleted = replace(customer, deleted=True)
        event = emit(view, self.origin, "customer.deleted", snapshot(customer))
        return Decision(Answer(snapshot(deleted)), [*rows, (CUSTOMERS, deleted), event])


class AttachMethod(msgspec.Struct, frozen=True):
    """Give a method to a customer.

    The card is not verified with its issuer: a card that will be declined is attached like any other, where Stripe
    asks the issuer and answers 402 `card_declined`. The first charge tells.
    """

    book: int
    seed: bytes
    origin: Origin
    method: str | Draft
    customer: str

    def reads(self) -> Reads:
        """The customer, and the method if it is stored."""
        rows: list[tuple[Table[Any], str]] = [(CUSTOMERS, self.customer)]
        if isinstance(self.method, str):
            rows.append((METHODS, self.method))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """The method, attached. Attaching it once more to the same customer changes nothing."""
        if isinstance(self.method, str):
            found = own_method(view, self.origin, self.method)
            if isinstance(found, Refusal):
                return Decision(found)
        customer = own_customer(view, self.origin, self.customer)
        if isinstance(customer, Refusal):
            return Decision(customer)
        attached = _attached(view, self.origin, self.method, customer.id)
        if isinstance(attached, Refusal):
            return Decision(attached)
        method, rows = attached
        return Decision(Answer(snapshot(method)), rows)


class DetachMethod(msgspec.Struct, frozen=True):
    """Take a method from its customer (`customer` as read before). It is that customer's default no more."""

    book: int
    seed: bytes
    origin: Origin
    method: str
    customer: str | None

    def reads(self) -> Reads:
        """The method and its customer."""
        rows: list[tuple[Table[Any], str]] = [(METHODS, self.method)]
        if self.customer is not None:
            rows.append((CUSTOMERS, self.customer))
        return Reads(rows)

    def decide(self, view: View) -> Decided:
        """The method, detached."""
        method = own_method(view, self.origin, self.method)
        if isinstance(method, Refusal):
            return Decision(method)
        if method.customer != self.customer:
            return Decision(locked())
        if self.customer is None:
            return Decision(_not_attached())
        detached, rows = _detached(view, self.origin, method)
        customer = view.get(CUSTOMERS, self.customer)
        if customer is not None and customer.default_payment_method == method.id:
            changed = replace(customer, default_payment_method=None)
            rows += _kept(view, self.origin, customer, changed)
        return Decision(Answer(snapshot(detached)), rows)


def own_customer(
    view: View, origin: Origin, identifier: str, param: str = "customer"
) -> Customer | Refusal:
    """The customer, if it is the account's own and was not deleted; otherwise it does not exist for it."""
    customer = view.get(CUSTOMERS, identifier)
    if customer is None or customer.account != origin.account or customer.deleted:
        return missing("customer", identifier, param)
    return customer


def _attached(
    view: View, origin: Origin, method: str | Draft, customer: str
) -> tuple[PaymentMethod, Rows] | Refusal:
    """The method as the customer's own, with the rows and the event that make it so."""
    stored: Rows = []
    if isinstance(method, Draft):
        fresh, rows = method.materialise(view, origin)
        stored = [pair for pair in rows if pair[0] is not METHODS]
        return _give(view, origin, fresh, customer, stored)
    found = own_method(view, origin, method)
    if isinstance(found, Refusal):
        return found
    if found.customer == customer:
        return found, []
    if found.customer is not None:
        return invalid(
            "The payment method you provided has already been attached to a customer.",
            "payment_method_already_attached", "payment_method",
        )  # fmt: skip
    return _give(view, origin, found, customer, stored)


def _give(
    view: View, origin: Origin, method: PaymentMethod, customer: str, stored: Rows
) -> tuple[PaymentMethod, Rows]:
    given = replace(method, customer=customer)
    event = emit(view, origin, "payment_method.attached", snapshot(given))
    return given, [*stored, (METHODS, given), event]


def _detached(view: View, origin: Origin, method: PaymentMethod) -> tuple[PaymentMethod, Rows]:
    free = replace(method, customer=None)
    was = {"customer": method.customer}
    event = emit(view, origin, "payment_method.detached", snapshot(free), was)
    return free, [(METHODS, free), event]


def _kept(view: View, origin: Origin, old: Customer, new: Customer) -> Rows:
    """The changed customer and its event; nothing if it did not change."""
    if new == old:
        return []
    was = before(old, new, _SHOWN)
    return [(CUSTOMERS, new), emit(view, origin, "customer.updated", snapshot(new), was)]


def _not_its_own(method: str) -> Refusal:
    return invalid(
        f"The customer does not have a payment method with the ID {method}. The payment method "
        "must be attached to the customer.", "resource_missing", DEFAULT_PARAM,
    )  # fmt: skip


def _not_attached() -> Refusal:
    return invalid(
        "The payment method you provided is not attached to a customer so detachment is impossible.",
        "payment_method_not_attached", "payment_method",
    )  # fmt: skip
