"""/v1/refunds: create by charge or payment, update, cancel, retrieve, list."""

from __future__ import annotations

from nostro.api import amounts
from nostro.api.errors import invalid_request
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, PAGING, Enum, Id, Integer, Metadata, Spec, String
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.payments.store import CHARGES, INTENTS
from nostro.refunds.commands import RefundRequest
from nostro.refunds.model import Refund
from nostro.refunds.store import REFUNDS

URL = "/v1/refunds"
REASONS = Enum(words=("duplicate", "fraudulent", "requested_by_customer"))
CREATE = Spec(
    {
        "amount": Integer(minimum=1),
        "charge": Id("charge"),
        "metadata": Metadata(),
        "payment_intent": Id("payment_intent"),
        "reason": REASONS,
        **EXPAND,
    },
    exclusive=[("charge", "payment_intent")],
)
UPDATE = Spec({"metadata": Metadata(), **EXPAND})
LIST = Spec({**PAGING, "charge": String(), "payment_intent": String()})


async def create(call: Call) -> Reply:
    """Refund a charge, or a payment's: all that is left of it, or `amount`."""
    params = call.params
    charge, intent = params.get("charge"), params.get("payment_intent")
    if charge is None and intent is None:
        raise invalid_request(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.", code="parameter_missing",
        )  # fmt: skip
    amount = params.get("amount")
    if amount is not None:
        amount = amounts.from_wire(amount, await _currency(call, charge, intent))
    given = {key: value for key, value in (params.get("metadata") or {}).items() if value}
    asked = RefundRequest(charge, intent, amount, params.get("reason"), given)
    return await call.services.refunds.create(call.merchant, asked)


async def update(call: Call) -> Reply:
    """Change a refund's metadata."""
    refund, metadata = call.path["id"], call.params.get("metadata", {})
    return await call.services.refunds.update_metadata(call.merchant, refund, metadata)


async def cancel(call: Call) -> Reply:
    """Cancel a refund that waits for its customer: no refund to a card does."""
    return await call.services.refunds.cancel(call.merchant, call.path["id"])


async def retrieve(call: Call) -> Reply:
    """One refund."""
    return Shown(render(await _require(call)))


async def listing(call: Call) -> Reply:
    """Refunds, newest first."""
    params = call.params
    rows, more = await _reading(call).page(
        REFUNDS, Page.of(params), params.get("charge"), params.get("payment_intent")
    )
    return Shown(list_object([render(row) for row in rows], URL, more))


async def _currency(call: Call, charge: str | None, intent: str | None) -> str:
    """What the amount is in. ApiError 404 if there is no such charge or payment."""
    reading = _reading(call)
    if charge is not None:
        return (await reading.require(CHARGES, charge, "charge", "charge")).currency
    assert intent is not None
    return (await reading.require(INTENTS, intent, "payment_intent", "payment_intent")).currency


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


async def _require(call: Call) -> Refund:
    return await _reading(call).require(REFUNDS, call.path["id"], "refund")


_ONE = URL + "/{id}"
_NAME = "refund"
OPERATIONS = [
    Operation("POST", URL, CREATE, create, _NAME, "Create a Refund"),
    Operation("GET", URL, LIST, listing, _NAME, "List Refunds", listed=True),
    Operation("GET", _ONE, Spec(EXPAND), retrieve, _NAME, "Retrieve a Refund"),
    Operation("POST", _ONE, UPDATE, update, _NAME, "Update a Refund"),
    Operation("POST", _ONE + "/cancel", Spec(EXPAND), cancel, _NAME, "Cancel a Refund"),
]
