"""Refunds over the wire."""

import stripe

from tests.api.cards import a_payment
from tests.api.client import Api


def test_the_sdk_refunds_in_parts_until_nothing_is_left(api: Api, sdk: stripe.StripeClient) -> None:
    paid = a_payment(api)
    charge = paid["latest_charge"]
    part = sdk.v1.refunds.create(
        {"charge": charge, "amount": 500, "reason": "duplicate", "metadata": {"a": "b"}}
    )
    assert (part.amount, part.status, part.reason) == (500, "succeeded", "duplicate")
    rest = sdk.v1.refunds.create({"payment_intent": paid["id"]})
    assert rest.amount == 1500
    assert sdk.v1.charges.retrieve(charge).refunded is True
    for found in (
        sdk.v1.refunds.list({"charge": charge}).data,
        sdk.v1.refunds.list({"payment_intent": paid["id"]}).data,
    ):
        assert [one.id for one in found] == [rest.id, part.id]
    listed = api.get(f"/v1/charges/{charge}/refunds")
    assert [one["id"] for one in listed["data"]] == [rest.id, part.id]
    error = api.post("/v1/refunds", {"charge": charge}, 400)["error"]
    assert error["code"] == "charge_already_refunded"
    events = {event["type"] for event in api.get("/v1/events", "limit=20")["data"]}
    assert {"refund.created", "charge.refunded"} <= events


def test_only_metadata_is_updated(api: Api) -> None:
    refund = api.post("/v1/refunds", {"payment_intent": a_payment(api)["id"]})["id"]
    changed = api.post(f"/v1/refunds/{refund}", {"metadata[a]": "1", "metadata[b]": "2"})
    assert changed["metadata"] == {"a": "1", "b": "2"}
    assert api.post(f"/v1/refunds/{refund}", {"metadata[a]": ""})["metadata"] == {"b": "2"}
    assert api.get(f"/v1/refunds/{refund}", "expand[]=charge")["charge"]["object"] == "charge"
    api.post(f"/v1/refunds/{refund}", {"amount": 1}, 400)
    assert "could not be canceled" in api.post(f"/v1/refunds/{refund}/cancel", status=400)["error"][
        "message"
    ]  # fmt: skip


def test_bad_refunds_are_refused(api: Api) -> None:
    paid = a_payment(api)
    charge = paid["latest_charge"]
    assert api.post("/v1/refunds", {}, 400)["error"]["code"] == "parameter_missing"
    both = {"charge": charge, "payment_intent": paid["id"]}
    assert api.post("/v1/refunds", both, 400)["error"]["code"] == "parameters_exclusive"
    large = api.post("/v1/refunds", {"charge": charge, "amount": 2001}, 400)["error"]
    assert (large["param"], "greater than unrefunded amount" in large["message"]) == (
        "amount", True,
    )  # fmt: skip
    api.post("/v1/refunds", {"charge": charge, "amount": 0}, 400)
    api.post("/v1/refunds", {"charge": charge, "reason": "boredom"}, 400)
    missing = api.post("/v1/refunds", {"charge": "ch_none", "amount": 5}, 404)["error"]
    assert (missing["code"], missing["message"]) == (
        "resource_missing", "No such charge: 'ch_none'",
    )  # fmt: skip
    api.get("/v1/refunds/re_none", status=404)
    unpaid = api.post("/v1/payment_intents", {"amount": 2000, "currency": "usd"})["id"]
    api.post("/v1/refunds", {"payment_intent": unpaid}, 400)
