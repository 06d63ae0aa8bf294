"""/v1/payment_methods: create, update, attach, detach, retrieve, list."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.api.deciding import decided, seed
from nostro.api.errors import card_error
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, PAGING, Enum, Id, Integer, Map, Metadata, Spec, String
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.api.v1 import cards
from nostro.customers.commands import AttachMethod, DetachMethod
from nostro.payment_methods.commands import CreateMethod, MethodChanges, UpdateMethod
from nostro.payment_methods.model import PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.vault.cards import check_expiry, full_year
from nostro.vault.service import today

URL = "/v1/payment_methods"
ALLOW_REDISPLAY = Enum(words=("always", "limited", "unspecified"))
CREATE = Spec({**cards.METHOD_DATA, **EXPAND})
UPDATE = Spec(
    {
        "allow_redisplay": ALLOW_REDISPLAY,
        "billing_details": Map(spec=cards.BILLING, unset=True),
        "card": Map(spec=Spec({"exp_month": Integer(), "exp_year": Integer()})),
        "metadata": Metadata(),
        **EXPAND,
    }
)
ATTACH = Spec({"customer": Id("customer", required=True), **EXPAND})
LIST = Spec(
    {
        **PAGING,
        "customer": String(),
        "type": Enum(words=("card",)),
        "allow_redisplay": ALLOW_REDISPLAY,
    }
)


async def create(call: Call) -> Reply:
    """Store a card, by its number or a token."""
    draft, _ = cards.drafted(call, call.params, "card", keep_cvc=True)
    return await decided(call, CreateMethod(call.book, seed(call), call.merchant.origin, draft))


async def update(call: Call) -> Reply:
    """Change what describes a method that a customer has."""
    params = call.params
    method = await _require(call)
    expiry = _expiry(call, method, params.get("card") or {})
    names = ("metadata", "allow_redisplay")
    given: dict[str, Any] = {name: params[name] for name in names if name in params}
    if "billing_details" in params:
        given["billing"] = params["billing_details"]
    changes = MethodChanges(**given, **expiry)
    command = UpdateMethod(call.book, seed(call), call.merchant.origin, method.id, changes)
    return await decided(call, command)


async def attach(call: Call) -> Reply:
    """Attach a method, or a test card by its token, to a customer."""
    method = cards.named(call, call.path["id"])
    command = AttachMethod(
        call.book, seed(call), call.merchant.origin, method, call.params["customer"]
    )
    return await decided(call, command)


async def detach(call: Call) -> Reply:
    """Detach a method from its customer."""
    found = await _reading(call).one(METHODS, call.path["id"])
    command = DetachMethod(
        call.book, seed(call), call.merchant.origin, call.path["id"],
        found.customer if found else None,
    )  # fmt: skip
    return await decided(call, command)


async def retrieve(call: Call) -> Reply:
    """One payment method."""
    return Shown(render(await _require(call)))


async def listing(call: Call) -> Reply:
    """Payment methods, newest first; of one customer if it is named."""
    customer = call.params.get("customer")
    if customer is not None:
        await cards.customer(call, customer, status=400)
    rows, more = await _reading(call).page(
        METHODS, Page.of(call.params), customer, call.params.get("allow_redisplay")
    )
    return Shown(list_object([render(row) for row in rows], URL, more))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


async def _require(call: Call) -> PaymentMethod:
    return await _reading(call).require(METHODS, call.path["id"], "PaymentMethod", "payment_method")


def _expiry(call: Call, method: PaymentMethod, given: dict[str, Any]) -> dict[str, Any]:
    """The new expiry. ApiError 402 for one that cannot be."""
    if not given:
        return {}
    card = msgspec.structs.replace(method.card, **given)
    refusal = check_expiry(card.exp_month, full_year(card.exp_year), today(call.services.clock))
    if refusal is not None:
        raise card_error(refusal.message, code=refusal.code, param=refusal.param)
    return {"exp_month": card.exp_month, "exp_year": full_year(card.exp_year)}


_ONE = URL + "/{id}"
_NAME = "payment_method"
OPERATIONS = [
    Operation("POST", URL, CREATE, create, _NAME, "Create a PaymentMethod"),
    Operation("GET", URL, LIST, listing, _NAME, "List PaymentMethods", listed=True),
    Operation("GET", _ONE, Spec(EXPAND), retrieve, _NAME, "Retrieve a PaymentMethod"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a PaymentMethod"),
    Operation("POST", _ONE + "/attach", ATTACH, attach, _NAME, "Attach a PaymentMethod"),
    Operation("POST", _ONE + "/detach", Spec(EXPAND), detach, _NAME, "Detach a PaymentMethod"),
]
