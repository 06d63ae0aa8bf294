"""/v1/charges: retrieve, list, update, capture, and the refunds of one. Payments make charges: see there."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nostro.api import amounts, snapshots
from nostro.api.deciding import decided, seed
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, PAGING, Enum, Field, Integer, Map, Metadata, Spec, String
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.api.v1.payment_intents import SHIPPING
from nostro.idempotency.commands import SaveRelated
from nostro.idempotency.model import Replayed
from nostro.kernel import answer as answers
from nostro.kernel.answer import Answer, Refusal, invalid, snapshot
from nostro.payment_methods.model import Address
from nostro.payments.charges import UpdateCharge
from nostro.payments.model import Charge, Intent, Shipping
from nostro.payments.store import CHARGES
from nostro.refunds.store import REFUNDS

URL = "/v1/charges"
FRAUD = Spec({"user_report": Enum(words=("fraudulent", "safe"), unset=True, required=True)})
UPDATING: dict[str, Field] = {
    "description": String(unset=True),
    "fraud_details": Map(spec=FRAUD),
    "metadata": Metadata(),
    "receipt_email": String(unset=True),
    "shipping": Map(spec=SHIPPING),
    "transfer_group": String(unset=True),
}
UPDATE = Spec({**UPDATING, **EXPAND})
CAPTURE = Spec(
    {
        "amount": Integer(minimum=1),
        "receipt_email": String(unset=True),
        "statement_descriptor": String(unset=True, longest=22),
        "statement_descriptor_suffix": String(unset=True, longest=22),
        **EXPAND,
    }
)
LIST = Spec({**PAGING, "customer": String(), "payment_intent": String()})


async def retrieve(call: Call) -> Reply:
    """One charge."""
    return Shown(render(await _require(call)))


async def listing(call: Call) -> Reply:
    """Charges, newest first."""
    params = call.params
    rows, more = await _reading(call).page(
        CHARGES, Page.of(params), params.get("customer"), params.get("payment_intent")
    )
    return Shown(list_object([render(row) for row in rows], URL, more))


async def update(call: Call) -> Reply:
    """Change how a charge is described."""
    patch = {name: call.params[name] for name in UPDATING if name in call.params}
    if "fraud_details" in patch:
        patch["user_report"] = patch.pop("fraud_details")["user_report"]
    if shipping := patch.get("shipping"):
        patch["shipping"] = Shipping(**{**shipping, "address": Address(**shipping["address"])})
    command = UpdateCharge(call.book, seed(call), call.merchant.origin, call.path["id"], patch)
    return await decided(call, command)


async def capture(call: Call) -> Reply:
    """Capture an authorized charge: its payment is captured, and the charge is the answer."""
    charge, params = await _require(call), dict(call.params)
    amount = params.get("amount")
    if amount is not None:
        amount = amounts.from_wire(amount, charge.currency)
    patch = {name: params[name] for name in CAPTURE.fields if name in params}
    for name in ("amount", *EXPAND):
        patch.pop(name, None)
    reply = await call.services.payments.capture(call.merchant, charge.intent, amount, patch)
    return await _of_charge(call, charge, reply)


async def _of_charge(call: Call, charge: Charge, reply: Reply) -> Reply:
    """The same reply about the charge. Whoever first sees the payment's puts the charge's under the key."""
    if isinstance(reply, Replayed):
        saved = answers.decode(reply.answer)
        shown = await _of_charge(call, charge, saved)
        assert isinstance(shown, Answer | Refusal)
        return replace(reply, answer=answers.encode(shown))
    if isinstance(reply, Refusal):
        return _refused(charge, reply)
    assert isinstance(reply, Answer)
    if not isinstance(snapshots.decode(reply.snapshot), Intent):
        return reply
    answer = replace(reply, snapshot=snapshot(await _require(call)))
    if (request := call.merchant.request) is not None:
        command = SaveRelated(call.book, seed(call), request.id, reply, answer)
        return await call.services.decider(call.book).run(command)
    return answer


def _refused(charge: Charge, refusal: Refusal) -> Refusal:
    """The payment's refusals in the words of charges; made of the refusal alone, so a replay is the same."""
    if refusal.param == "amount_to_capture":
        return replace(refusal, param="amount")
    if refusal.payment_intent is None or refusal.code != "payment_intent_unexpected_state":
        return refusal
    intent: Any = snapshots.decode(refusal.payment_intent)
    if intent.status == "succeeded":
        return invalid(f"Charge {charge.id} has already been captured.", "charge_already_captured")
    if intent.status == "canceled":
        return invalid(f"Charge {charge.id} has already been refunded.", "charge_already_refunded")
    return invalid(f"Charge {charge.id} cannot be captured: it did not succeed.")


async def refunds(call: Call) -> Reply:
    """A charge's refunds, newest first."""
    charge = await _require(call)
    rows, more = await _reading(call).page(REFUNDS, Page.of(call.params), charge.id, None)
    url = f"{URL}/{charge.id}/refunds"
    return Shown(list_object([render(row) for row in rows], url, more))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


async def _require(call: Call) -> Charge:
    return await _reading(call).require(CHARGES, call.path["id"], "charge", "charge")


_ONE = URL + "/{id}"
_NAME = "charge"
OPERATIONS = [
    Operation("GET", URL, LIST, listing, _NAME, "List Charges", listed=True),
    Operation("GET", _ONE, Spec(EXPAND), retrieve, _NAME, "Retrieve a Charge"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a Charge"),
    Operation("POST", _ONE + "/capture", CAPTURE, capture, _NAME, "Capture a Charge"),
    Operation(
        "GET", _ONE + "/refunds", Spec(PAGING), refunds, "refund", "List a Charge's Refunds",
        listed=True,
    ),
]  # fmt: skip
