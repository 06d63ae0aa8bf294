"""/v1/payment_intents: create, confirm, capture, cancel, update, retrieve, list."""

from __future__ import annotations

from typing import Any

from nostro.api import amounts, versions
from nostro.api.errors import invalid_request
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import (
    EXPAND,
    PAGING,
    Boolean,
    Currency,
    Enum,
    Field,
    Id,
    Integer,
    List,
    Map,
    Metadata,
    Spec,
    String,
)
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.api.v1 import cards
from nostro.payment_methods.model import Address
from nostro.payments.commands import Changes, patched
from nostro.payments.model import Intent, Shipping, Terms
from nostro.payments.store import INTENTS

URL = "/v1/payment_intents"
SHIPPING = Spec(
    {
        "address": Map(spec=cards.ADDRESS, required=True),
        "name": String(required=True),
        "phone": String(unset=True),
        "carrier": String(unset=True),
        "tracking_number": String(unset=True),
    }
)
CARD_OPTIONS = Spec(
    {
        "request_three_d_secure": Enum(words=("any", "automatic", "challenge")),
        "capture_method": Enum(words=("manual",), unset=True),
        "setup_future_usage": Enum(words=("none", "off_session", "on_session"), unset=True),
        "moto": Boolean(),
    }
)
DESCRIBING: dict[str, Field] = {
    "description": String(unset=True),
    "metadata": Metadata(),
    "receipt_email": String(unset=True),
    "setup_future_usage": Enum(words=("off_session", "on_session"), unset=True),
    "shipping": Map(spec=SHIPPING, unset=True),
    "statement_descriptor": String(unset=True, longest=22),
    "statement_descriptor_suffix": String(unset=True, longest=22),
    "transfer_group": String(unset=True),
}
PAYING: dict[str, Field] = {
    "payment_method": Id("PaymentMethod", unset=True),
    "payment_method_data": Map(spec=Spec(cards.METHOD_DATA)),
    "payment_method_options": Map(spec=Spec({"card": Map(spec=CARD_OPTIONS, unset=True)})),
    "payment_method_types": List(item=Enum(words=("card",)), most=20),
    "capture_method": Enum(words=("automatic", "automatic_async", "manual")),
}
CONFIRMING: dict[str, Field] = {
    "off_session": Boolean(),
    "return_url": String(),
    "error_on_requires_action": Boolean(),
    "use_stripe_sdk": Boolean(),
    "mandate_data": Map(spec=Spec({}), unset=True),
}
AMOUNT: dict[str, Field] = {"amount": Integer(), "currency": Currency()}
AUTOMATIC = Spec(
    {"enabled": Boolean(required=True), "allow_redirects": Enum(words=("always", "never"))}
)
CREATE = Spec(
    {
        **PAYING,
        **DESCRIBING,
        **CONFIRMING,
        "amount": Integer(required=True),
        "currency": Currency(required=True),
        "customer": Id("customer"),
        "confirm": Boolean(),
        "automatic_payment_methods": Map(spec=AUTOMATIC),
        "confirmation_method": Enum(words=("automatic", "manual")),
        **EXPAND,
    }
)
UPDATE = Spec({**AMOUNT, **PAYING, **DESCRIBING, "customer": Id("customer"), **EXPAND})
CONFIRM = Spec(
    {
        **PAYING,
        **CONFIRMING,
        "receipt_email": DESCRIBING["receipt_email"],
        "setup_future_usage": DESCRIBING["setup_future_usage"],
        "shipping": DESCRIBING["shipping"],
        **EXPAND,
    }
)
CAPTURE = Spec(
    {
        "amount_to_capture": Integer(),
        "final_capture": Boolean(),
        "metadata": Metadata(),
        "statement_descriptor": DESCRIBING["statement_descriptor"],
        "statement_descriptor_suffix": DESCRIBING["statement_descriptor_suffix"],
        **EXPAND,
    }
)
REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CANCEL = Spec({"cancellation_reason": Enum(words=REASONS), **EXPAND})
RETRIEVE = Spec({"client_secret": String(), **EXPAND})
LIST = Spec({**PAGING, "customer": String()})


async def create(call: Call) -> Reply:
    """Create a payment, and confirm it at once with `confirm=true`."""
    params = call.params
    confirm = params.get("confirm", False)
    _refuse_without_confirm(params, confirm)
    amount = _amount(params, params["currency"])
    assert amount is not None
    choice, card = cards.choice(call, keep_cvc=not confirm)
    changes = Changes(
        amount, params["currency"], params.get("customer"), _capture_method(call),
        patched(Terms(**_methods(call)), _terms(params)), choice,
    )  # fmt: skip
    return await call.services.payments.create(call.merchant, changes, confirm, card)


async def update(call: Call) -> Reply:
    """Change a payment that has not been confirmed."""
    params = call.params
    intent = await _require(call)
    choice, _ = cards.choice(call, keep_cvc=True)
    currency = params.get("currency") or intent.currency
    changes = Changes(
        _amount(params, currency), params.get("currency"), params.get("customer"),
        params.get("capture_method"), None, choice,
    )  # fmt: skip
    return await call.services.payments.update(call.merchant, intent.id, changes, _terms(params))


async def confirm(call: Call) -> Reply:
    """Confirm a payment, with the card it has or one given now."""
    choice, card = cards.choice(call, keep_cvc=False)
    changes = Changes(method=choice, capture_method=call.params.get("capture_method"))
    return await call.services.payments.confirm(
        call.merchant, call.path["id"], changes, _terms(call.params), card
    )


async def capture(call: Call) -> Reply:
    """Capture an authorized payment, in full or in part; the rest is released."""
    if call.params.get("final_capture") is False:
        raise invalid_request(
            "This PaymentIntent does not support multicapture: leave final_capture out.",
            param="final_capture",
        )
    intent = await _require(call)
    amount = call.params.get("amount_to_capture")
    if amount is not None:
        amount = amounts.from_wire(amount, intent.currency, "amount_to_capture")
        _refuse_not_positive(amount, "amount_to_capture")
    return await call.services.payments.capture(
        call.merchant, intent.id, amount, _terms(call.params)
    )


async def cancel(call: Call) -> Reply:
    """Cancel a payment; an authorization is voided."""
    return await call.services.payments.cancel(
        call.merchant, call.path["id"], call.params.get("cancellation_reason")
    )


async def retrieve(call: Call) -> Reply:
    """One payment."""
    return Shown(render(await _require(call)))


async def listing(call: Call) -> Reply:
    """Payments, newest first."""
    rows, more = await _reading(call).page(
        INTENTS, Page.of(call.params), call.params.get("customer")
    )
    return Shown(list_object([render(row) for row in rows], URL, more))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


async def _require(call: Call) -> Intent:
    return await _reading(call).require(INTENTS, call.path["id"], "payment_intent", "intent")


def _amount(params: dict[str, Any], currency: str) -> int | None:
    if params.get("amount") is None:
        return None
    _refuse_not_positive(params["amount"], "amount")
    amount = amounts.from_wire(params["amount"], currency)
    amounts.check_charge(amount, currency)
    return amount


def _refuse_not_positive(amount: int, param: str) -> None:
    if amount < 1:
        raise invalid_request(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer",
            param=param,
        )  # fmt: skip


def _refuse_without_confirm(params: dict[str, Any], confirm: bool) -> None:
    for name in ("off_session", "return_url", "error_on_requires_action", "mandate_data"):
        if name in params and not confirm:
            raise invalid_request(
                f"You may only specify the `{name}` parameter when `confirm` is true.", param=name
            )


def _capture_method(call: Call) -> str:
    options = (call.params.get("payment_method_options") or {}).get("card") or {}
    if options.get("capture_method") == "manual":
        return "manual"
    given: str | None = call.params.get("capture_method")
    return given or versions.default_capture_method(call.version)


def _methods(call: Call) -> dict[str, Any]:
    """Whether payment methods are automatic: unless types are named, from 2023-08-16 on they are."""
    params = call.params
    given = params.get("automatic_payment_methods")
    types = params.get("payment_method_types")
    if given and given["enabled"] and types:
        raise invalid_request(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types."
        )
    default = types is None and versions.automatic_payment_methods_by_default(call.version)
    return {
        "automatic_payment_methods": given["enabled"] if given else default,
        "allow_redirects": (given or {}).get("allow_redirects", "always"),
        "payment_method_types": tuple(types or ("card",)),
        "confirmation_method": params.get("confirmation_method", "automatic"),
    }


def _terms(params: dict[str, Any]) -> dict[str, Any]:
    """The describing parameters that were sent, as fields of the intent's terms."""
    given = {name: params[name] for name in DESCRIBING if name in params}
    shipping = given.get("shipping")
    if shipping:
        address = Address(**(shipping.get("address") or {}))
        given["shipping"] = Shipping(**{**shipping, "address": address})
    return given


_ONE = URL + "/{id}"
_NAME = "payment_intent"
OPERATIONS = [
    Operation("POST", URL, CREATE, create, _NAME, "Create a PaymentIntent"),
    Operation("GET", URL, LIST, listing, _NAME, "List PaymentIntents", listed=True),
    Operation("GET", _ONE, RETRIEVE, retrieve, _NAME, "Retrieve a PaymentIntent"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a PaymentIntent"),
    Operation("POST", _ONE + "/confirm", CONFIRM, confirm, _NAME, "Confirm a PaymentIntent"),
    Operation("POST", _ONE + "/capture", CAPTURE, capture, _NAME, "Capture a PaymentIntent"),
    Operation("POST", _ONE + "/cancel", CANCEL, cancel, _NAME, "Cancel a PaymentIntent"),
]
