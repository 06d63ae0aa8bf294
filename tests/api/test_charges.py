"""Charges over the wire."""

import stripe

from tests.api.cards import a_payment
from tests.api.client import Api


def test_the_sdk_finds_and_describes_a_charge(api: Api, sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({})
    paid = a_payment(api, customer=customer.id)
    charge = sdk.v1.charges.retrieve(paid["latest_charge"], {"expand": ["balance_transaction"]})
    assert (charge.amount, charge.captured, charge.customer) == (2000, True, customer.id)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.fee == 2000 * 290 // 10_000 + 30
    for query in ({"customer": customer.id}, {"payment_intent": paid["id"]}):
        found = sdk.v1.charges.list(query)  # type: ignore[arg-type]
        assert [one.id for one in found.data] == [charge.id]
    changed = sdk.v1.charges.update(
        charge.id,
        {
            "description": "Tea",
            "metadata": {"order": "7"},
            "receipt_email": "a@example.com",
            "fraud_details": {"user_report": "safe"},
            "shipping": {"name": "Ada", "address": {"line1": "1 Main St"}},
        },
    )
    assert (changed.description, changed.receipt_email) == ("Tea", "a@example.com")
    assert changed.fraud_details is not None and changed.fraud_details.user_report == "safe"
    assert changed.shipping is not None and changed.shipping.name == "Ada"
    previous = api.event_of("charge.updated", charge.id)["data"]["previous_attributes"]
    assert previous["description"] is None and previous["metadata"] == {"order": None}
    assert api.get(f"/v1/payment_intents/{paid['id']}")["description"] is None


def test_a_charge_is_captured_in_part_and_the_answer_is_the_charge(api: Api) -> None:
    held = a_payment(api, capture_method="manual")
    url = f"/v1/charges/{held['latest_charge']}/capture"
    charge = api.post(url, {"amount": 1500, "expand[]": "payment_intent"})
    assert (charge["object"], charge["captured"], charge["amount_captured"]) == (
        "charge", True, 1500,
    )  # fmt: skip
    assert charge["payment_intent"]["amount_received"] == 1500
    again = api.post(url, status=400)["error"]
    assert again["code"] == "charge_already_captured"


def test_capturing_by_key_is_replayed_to_the_byte(api: Api) -> None:
    held = a_payment(api, capture_method="manual")
    url = f"/v1/charges/{held['latest_charge']}/capture"
    key = f"capture-{held['id']}"
    first = api.server.post(url, {"amount": 700}, idempotency_key=key)
    api.post(f"/v1/charges/{held['latest_charge']}", {"description": "changed since"})
    second = api.server.post(url, {"amount": 700}, idempotency_key=key)
    assert first.status == 200 and first.body["object"] == "charge"
    assert second.raw == first.raw
    assert second.headers["idempotent-replayed"] == "true"


def test_a_refused_capture_by_key_is_replayed_too(api: Api) -> None:
    paid = a_payment(api)
    url = f"/v1/charges/{paid['latest_charge']}/capture"
    answers = [api.server.post(url, idempotency_key=f"late-{paid['id']}") for _ in "ab"]
    assert [answer.status for answer in answers] == [400, 400]
    assert answers[0].raw == answers[1].raw
    assert answers[0].body["error"]["code"] == "charge_already_captured"


def test_what_cannot_be_captured_is_refused(api: Api) -> None:
    held = a_payment(api, capture_method="manual")
    url = f"/v1/charges/{held['latest_charge']}/capture"
    large = api.post(url, {"amount": 2001}, 400)["error"]
    assert (large["code"], large["param"]) == ("amount_too_large", "amount")
    api.post(url, {"amount": 0}, 400)
    api.post(f"/v1/payment_intents/{held['id']}/cancel")
    assert api.post(url, status=400)["error"]["code"] == "charge_already_refunded"
    missing = api.get("/v1/charges/ch_none", status=404)["error"]
    assert missing["message"] == "No such charge: 'ch_none'"
    api.post("/v1/charges/ch_none", {"description": "x"}, 404)
    api.post("/v1/charges/ch_none/capture", status=404)
