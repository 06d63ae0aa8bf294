"""/v1/customers: create, update, delete, retrieve, list, and the payment methods of one."""

from __future__ import annotations

from typing import Any

from nostro.api.deciding import decided, seed
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import (
    EXPAND,
    PAGING,
    Enum,
    Field,
    Id,
    List,
    Map,
    Metadata,
    Spec,
    String,
)
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.api.v1 import cards
from nostro.customers.commands import CreateCustomer, DeleteCustomer, UpdateCustomer
from nostro.customers.model import Customer, Shipping
from nostro.customers.store import CUSTOMERS
from nostro.payment_methods.model import Address
from nostro.payment_methods.store import METHODS

URL = "/v1/customers"
SHIPPING = Spec(
    {
        "address": Map(spec=cards.ADDRESS, required=True),
        "name": String(required=True),
        "phone": String(unset=True),
    }
)
SETTINGS = Spec({"default_payment_method": Id("PaymentMethod", unset=True)})
DESCRIBING: dict[str, Field] = {
    "address": Map(spec=cards.ADDRESS, unset=True),
    "description": String(unset=True),
    "email": String(unset=True, longest=512),
    "invoice_settings": Map(spec=SETTINGS),
    "metadata": Metadata(),
    "name": String(unset=True, longest=256),
    "phone": String(unset=True, longest=20),
    "preferred_locales": List(item=String(), unset=True),
    "shipping": Map(spec=SHIPPING, unset=True),
    "tax_exempt": Enum(words=("exempt", "none", "reverse"), unset=True),
}
CREATE = Spec({**DESCRIBING, "payment_method": Id("PaymentMethod"), **EXPAND})
UPDATE = Spec({**DESCRIBING, **EXPAND})
LIST = Spec({**PAGING, "email": String(longest=512)})
ALLOW_REDISPLAY = Enum(words=("always", "limited", "unspecified"))
METHODS_LIST = Spec({**PAGING, "type": Enum(words=("card",)), "allow_redisplay": ALLOW_REDISPLAY})
MOST_METHODS = 500


async def create(call: Call) -> Reply:
    """Create a customer; `payment_method` is attached to it."""
    named = call.params.get("payment_method")
    method = None if named is None else cards.named(call, named)
    command = CreateCustomer(
        call.book, seed(call), call.merchant.origin, _patch(call.params), method
    )
    return await decided(call, command)


async def update(call: Call) -> Reply:
    """Change what was sent, and only that."""
    command = UpdateCustomer(
        call.book, seed(call), call.merchant.origin, call.path["id"], _patch(call.params)
    )
    return await decided(call, command)


async def delete(call: Call) -> Reply:
    """Delete a customer and detach its payment methods."""
    page = Page(limit=MOST_METHODS)
    methods, _ = await _reading(call).page(METHODS, page, call.path["id"], None)
    command = DeleteCustomer(
        call.book, seed(call), call.merchant.origin, call.path["id"],
        tuple(method.id for method in methods),
    )  # fmt: skip
    return await decided(call, command)


async def retrieve(call: Call) -> Reply:
    """One customer; of a deleted one, only that it was."""
    return Shown(render(await _require(call)))


async def listing(call: Call) -> Reply:
    """Customers, newest first, without deleted ones."""
    rows, more = await _reading(call).page(
        CUSTOMERS, Page.of(call.params), call.params.get("email")
    )
    return Shown(list_object([render(row) for row in rows], URL, more))


async def methods(call: Call) -> Reply:
    """A customer's payment methods, newest first."""
    customer = await cards.customer(call, call.path["id"])
    rows, more = await _reading(call).page(
        METHODS, Page.of(call.params), customer.id, call.params.get("allow_redisplay")
    )
    url = f"{URL}/{customer.id}/payment_methods"
    return Shown(list_object([render(row) for row in rows], url, more))


async def method(call: Call) -> Reply:
    """One of a customer's payment methods."""
    customer = await cards.customer(call, call.path["id"])
    found = await _reading(call).require(
        METHODS, call.path["method"], "PaymentMethod", "payment_method"
    )
    if found.customer != customer.id:
        raise cards.no_such_method(found.id)
    return Shown(render(found))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


async def _require(call: Call) -> Customer:
    return await _reading(call).require(CUSTOMERS, call.path["id"], "customer")


def _patch(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were sent, as fields of the customer."""
    patch = {name: params[name] for name in DESCRIBING if name in params}
    settings = patch.pop("invoice_settings", {})
    if "default_payment_method" in settings:
        patch["default_payment_method"] = settings["default_payment_method"]
    if address := patch.get("address"):
        patch["address"] = Address(**address)
    if shipping := patch.get("shipping"):
        patch["shipping"] = Shipping(**{**shipping, "address": Address(**shipping["address"])})
    if "preferred_locales" in patch:
        patch["preferred_locales"] = tuple(patch["preferred_locales"] or ())
    if "tax_exempt" in patch:
        patch["tax_exempt"] = patch["tax_exempt"] or "none"
    return patch


_ONE = URL + "/{id}"
_NAME = "customer"
OPERATIONS = [
    Operation("POST", URL, CREATE, create, _NAME, "Create a Customer"),
    Operation("GET", URL, LIST, listing, _NAME, "List Customers", listed=True),
    Operation("GET", _ONE, Spec(EXPAND), retrieve, _NAME, "Retrieve a Customer"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a Customer"),
    Operation("DELETE", _ONE, Spec({}), delete, _NAME, "Delete a Customer"),
    Operation(
        "GET", _ONE + "/payment_methods", METHODS_LIST, methods, "payment_method",
        "List a Customer's PaymentMethods", listed=True,
    ),
    Operation(
        "GET", _ONE + "/payment_methods/{method}", Spec(EXPAND), method, "payment_method",
        "Retrieve a Customer's PaymentMethod",
    ),
]  # fmt: skip
