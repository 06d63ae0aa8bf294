"""How a request names a card: a stored method, a test token, or a number; and what may be wrong with it."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.api.echo import echo
from nostro.api.errors import ApiError, card_error, invalid_request, no_such
from nostro.api.operation import Call
from nostro.api.parameters import (
    CardNumber,
    Enum,
    Field,
    Integer,
    Map,
    Metadata,
    SecurityCode,
    Spec,
    String,
)
from nostro.api.reading import Reading
from nostro.customers.model import Customer
from nostro.customers.store import CUSTOMERS
from nostro.kernel.ports import CardDetails
from nostro.payment_methods.commands import Draft
from nostro.payment_methods.model import Address, BillingDetails, CardFacts
from nostro.payments.commands import MethodChoice
from nostro.vault.cards import check_card, full_year
from nostro.vault.model import SealedCard
from nostro.vault.service import today

ADDRESS = Spec(
    {
        name: String(unset=True)
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    }
)
BILLING = Spec(
    {
        "address": Map(spec=ADDRESS, unset=True),
        "email": String(unset=True),
        "name": String(unset=True),
        "phone": String(unset=True),
        "tax_id": String(unset=True),
    }
)
CARD = Spec(
    {
        "number": CardNumber(),
        "exp_month": Integer(),
        "exp_year": Integer(),
        "cvc": SecurityCode(),
        "token": String(),
    }
)
METHOD_DATA: dict[str, Field] = {
    "type": Enum(words=("card",), required=True),
    "card": Map(spec=CARD, required=True),
    "billing_details": Map(spec=BILLING),
    "allow_redisplay": Enum(words=("always", "limited", "unspecified")),
    "metadata": Metadata(),
}
Choice = tuple[MethodChoice, CardDetails | None]


def choice(call: Call, keep_cvc: bool) -> Choice:
    """The card the request names, if any, and its number if it was given in this request."""
    named, data = call.params.get("payment_method"), call.params.get("payment_method_data")
    if named and data:
        raise invalid_request(
            "You may only specify one of these parameters: payment_method, payment_method_data."
        )
    if data:
        draft, details = drafted(call, data, "payment_method_data[card]", keep_cvc)
        return MethodChoice(draft=draft), details
    if not named:
        return MethodChoice(), None
    magic = _magic(call, named) if named.startswith("pm_card_") else None
    return (MethodChoice(draft=magic), None) if magic else (MethodChoice(id=named), None)


def named(call: Call, identifier: str) -> str | Draft:
    """A stored method's id as it is; a test card's token as a draft of its own."""
    magic = _magic(call, identifier) if identifier.startswith("pm_card_") else None
    return magic or identifier


async def customer(
    call: Call, identifier: str, param: str = "customer", status: int = 404
) -> Customer:
    """A customer that was not deleted. ApiError 404, or 400 where it is a filter."""
    reading = Reading(call.services.reader, call.book, call.account)
    found = await reading.one(CUSTOMERS, identifier)
    if found is None or found.deleted:
        raise no_such("customer", identifier, param, status)
    return found


def no_such_method(identifier: str) -> ApiError:
    """404, in Stripe's words for a payment method."""
    return no_such("PaymentMethod", identifier, "payment_method")


def drafted(
    call: Call, data: dict[str, Any], path: str, keep_cvc: bool
) -> tuple[Draft, CardDetails | None]:
    """A payment method as its data describe it. ApiError 402 for a number, date or code that cannot be right."""
    card = data["card"]
    described: dict[str, Any] = {
        "billing": billing(data.get("billing_details")),
        "metadata": {k: v for k, v in (data.get("metadata") or {}).items() if v},
        "allow_redisplay": data.get("allow_redisplay", "unspecified"),
    }
    if "token" in card:
        magic = _magic(call, card["token"])
        if magic is None:
            raise invalid_request(
                f"No such token: '{echo(card['token'])}'",
                code="resource_missing",
                param=f"{path}[token]",
            )
        return msgspec.structs.replace(magic, **described), None
    details = _details(call, card, path)
    sealed = call.services.cards.seal(call.book, call.live, details, call.account, keep_cvc)
    return Draft(_facts(sealed), sealed.token, sealed, **described), details


def billing(data: dict[str, Any] | None, old: BillingDetails | None = None) -> BillingDetails:
    """Billing details with what was given replaced."""
    details = old or BillingDetails()
    if not data:
        return details
    given = dict(data)
    if "address" in given:
        given["address"] = Address(**(given["address"] or {}))
    return msgspec.structs.replace(details, **given)


def _details(call: Call, card: dict[str, Any], path: str) -> CardDetails:
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            raise invalid_request(
                f"Missing required param: {path}[{name}].",
                code="parameter_missing", param=f"{path}[{name}]",
            )  # fmt: skip
    number, month, year = card["number"], card["exp_month"], card["exp_year"]
    refusal = check_card(number, month, year, card.get("cvc"), today(call.services.clock))
    if refusal is not None:
        raise card_error(refusal.message, code=refusal.code, param=refusal.param)
    return CardDetails(number, month, full_year(year), card.get("cvc"))


def _magic(call: Call, token: str) -> Draft | None:
    if call.live:
        return None
    sealed: SealedCard | None = call.services.cards.magic(token, call.account)
    return Draft(_facts(sealed), sealed.token) if sealed else None


def _facts(sealed: SealedCard) -> CardFacts:
    return CardFacts(
        sealed.brand, sealed.funding, sealed.country, sealed.last4, sealed.exp_month,
        sealed.exp_year, sealed.fingerprint,
    )  # fmt: skip
