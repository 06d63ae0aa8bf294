"""Payment methods, decided purely: create and update. Customers attach and detach them: see there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin, emit
from nostro.kernel.answer import Answer, Proceed, Refusal, invalid, missing, snapshot
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.table import Table
from nostro.payment_methods.model import Address, BillingDetails, CardFacts, Checks, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.vault.model import SealedCard
from nostro.vault.store import CARDS


class Draft(msgspec.Struct, frozen=True):
    """A method not yet stored: its facts, its vault token, and the sealed card if the token is new."""

    card: CardFacts
    card_token: str
    sealed: SealedCard | None = None
    billing: BillingDetails = BillingDetails()
    checks: Checks = Checks()
    metadata: dict[str, str] = {}
    allow_redisplay: str = "unspecified"

    def materialise(
        self, view: View, origin: Origin
    ) -> tuple[PaymentMethod, list[tuple[Table[Any], Any]]]:
        """The new method and the rows that store it."""
        method = PaymentMethod(
            view.mint.new("pm"), origin.account, self.card, self.card_token, view.now, origin.live,
            self.billing, self.checks, self.metadata, None, self.allow_redisplay,
        )  # fmt: skip
        rows: list[tuple[Table[Any], Any]] = [(METHODS, method)]
        if self.sealed is not None:
            rows.append((CARDS, self.sealed))
        return method, rows


Rows = list[tuple[Table[Any], Any]]
Decided = Decision[Answer | Refusal | Proceed]


class CreateMethod(msgspec.Struct, frozen=True):
    """Store a card as a method of its own, attached to nobody."""

    book: int
    seed: bytes
    origin: Origin
    draft: Draft

    def reads(self) -> Reads:
        """Nothing: all of it is new."""
        return Reads()

    def decide(self, view: View) -> Decided:
        """The new method. Stripe has no event for this."""
        method, rows = self.draft.materialise(view, self.origin)
        return Decision(Answer(snapshot(method)), rows)


class MethodChanges(msgspec.Struct, frozen=True):
    """What an update sets; what is UNSET stays. `billing` and `metadata` merge, None clears them."""

    billing: dict[str, Any] | None | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, str] | None | msgspec.UnsetType = msgspec.UNSET
    exp_month: int | msgspec.UnsetType = msgspec.UNSET
    exp_year: int | msgspec.UnsetType = msgspec.UNSET
    allow_redisplay: str | msgspec.UnsetType = msgspec.UNSET


class UpdateMethod(msgspec.Struct, frozen=True):
    """Change what describes a method that a customer has; its number never changes."""

    book: int
    seed: bytes
    origin: Origin
    method: str
    changes: MethodChanges

    def reads(self) -> Reads:
        """The method."""
        return Reads([(METHODS, self.method)])

    def decide(self, view: View) -> Decided:
        """The method as changed."""
        method = own_method(view, self.origin, self.method)
        if isinstance(method, Refusal):
            return Decision(method)
        if method.customer is None:
            return Decision(
                invalid("You must save this PaymentMethod to a customer before you can update it.")
            )
        changed = _changed(method, self.changes)
        if changed == method:
            return Decision(Answer(snapshot(method)))
        shown = snapshot(changed)
        names = ("billing", "metadata", "card", "allow_redisplay")
        event = emit(
            view, self.origin, "payment_method.updated", shown, before(method, changed, names)
        )
        return Decision(Answer(shown), [(METHODS, changed), event])


def own_method(
    view: View, origin: Origin, identifier: str, param: str = "payment_method"
) -> PaymentMethod | Refusal:
    """The method, if it is the account's own; otherwise it does not exist for it."""
    method = view.get(METHODS, identifier)
    if method is None or method.account != origin.account:
        return missing("PaymentMethod", identifier, param)
    return method


def before(old: msgspec.Struct, new: msgspec.Struct, names: Sequence[str]) -> dict[str, Any]:
    """The fields among `names` that changed, as they were."""
    return {name: was for name in names if (was := getattr(old, name)) != getattr(new, name)}


def merged(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """Stripe's metadata rule: keys merge, an empty value deletes its key, None clears all."""
    if new is None:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}


def _changed(method: PaymentMethod, changes: MethodChanges) -> PaymentMethod:
    fields: dict[str, Any] = {}
    if changes.metadata is not msgspec.UNSET:
        fields["metadata"] = merged(method.metadata, changes.metadata)
    if changes.allow_redisplay is not msgspec.UNSET:
        fields["allow_redisplay"] = changes.allow_redisplay
    if changes.billing is not msgspec.UNSET:
        fields["billing"] = _billing(method.billing, changes.billing)
    expiry = {
        name: value
        for name in ("exp_month", "exp_year")
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }
    return replace(method, card=replace(method.card, **expiry), **fields)


def _billing(old: BillingDetails, patch: dict[str, Any] | None) -> BillingDetails:
    """Billing details with what was given replaced; inside the address too."""
    if patch is None:
        return BillingDetails()
    given = dict(patch)
    if "address" in given:
        address = given["address"]
        given["address"] = Address() if address is None else replace(old.address, **address)
    return replace(old, **given)
