"""Payment methods over the wire."""

import stripe

from tests.api.cards import a_card, a_payment
from tests.api.client import Api


def test_the_sdk_attaches_updates_lists_and_detaches(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create({})
    method = sdk.v1.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
    attached = sdk.v1.payment_methods.attach(method.id, {"customer": customer.id})
    assert attached.customer == customer.id
    updated = sdk.v1.payment_methods.update(
        method.id,
        {"billing_details": {"name": "Ada"}, "card": {"exp_month": 1, "exp_year": 2039}},
    )
    assert updated.billing_details.name == "Ada"
    assert updated.card is not None and (updated.card.exp_month, updated.card.exp_year) == (1, 2039)
    listed = sdk.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [one.id for one in listed.data] == [method.id]
    assert sdk.v1.payment_methods.detach(method.id).customer is None
    assert sdk.v1.customers.payment_methods.list(customer.id).data == []


def test_a_card_is_stored_by_its_number_and_never_shown(api: Api) -> None:
    made = api.post("/v1/payment_methods", a_card() | {"billing_details[email]": "a@example.com"})
    assert (made["card"]["last4"], made["card"]["brand"]) == ("4242", "visa")
    assert "4242424242424242" not in str(made)
    assert api.get(f"/v1/payment_methods/{made['id']}") == made
    paid = a_payment(api, payment_method=made["id"])
    assert (paid["status"], paid["payment_method"]) == ("succeeded", made["id"])


def test_a_test_card_is_attached_by_its_token(api: Api) -> None:
    customer = api.post("/v1/customers")["id"]
    form = {"customer": customer}
    first = api.post("/v1/payment_methods/pm_card_visa/attach", form)
    second = api.post("/v1/payment_methods/pm_card_visa/attach", form)
    assert first["id"] != second["id"]
    assert api.event_of("payment_method.attached", first["id"])["data"]["object"] == first
    assert len(api.get("/v1/payment_methods", f"customer={customer}")["data"]) == 2


def test_a_method_has_one_customer(api: Api) -> None:
    first, second = (api.post("/v1/customers")["id"] for _ in range(2))
    method = api.post("/v1/payment_methods", a_card())["id"]
    url = f"/v1/payment_methods/{method}/attach"
    attached = api.post(url, {"customer": first})
    assert api.post(url, {"customer": first}) == attached
    error = api.post(url, {"customer": second}, 400)["error"]
    assert "already been attached" in error["message"]
    missing = api.post(url, {"customer": "cus_none"}, 404)["error"]
    assert missing["message"] == "No such customer: 'cus_none'"
    api.post(url, {}, 400)


def test_detaching_ends_the_default_too(api: Api) -> None:
    customer = api.post("/v1/customers", {"payment_method": "pm_card_visa"})["id"]
    method = api.get("/v1/payment_methods", f"customer={customer}")["data"][0]["id"]
    form = {"invoice_settings[default_payment_method]": method}
    api.post(f"/v1/customers/{customer}", form)
    api.post(f"/v1/payment_methods/{method}/detach")
    shown = api.get(f"/v1/customers/{customer}")
    assert shown["invoice_settings"]["default_payment_method"] is None
    again = api.post(f"/v1/payment_methods/{method}/detach", status=400)["error"]
    assert "not attached to a customer" in again["message"]


def test_only_a_saved_method_is_updated(api: Api) -> None:
    method = api.post("/v1/payment_methods", a_card())["id"]
    url = f"/v1/payment_methods/{method}"
    refused = api.post(url, {"metadata[a]": "b"}, 400)["error"]
    assert "save this PaymentMethod to a customer" in refused["message"]
    customer = api.post("/v1/customers")["id"]
    api.post(f"{url}/attach", {"customer": customer})
    form = {"billing_details[address][city]": "Rome", "metadata[a]": "b"}
    api.post(url, form)
    changed = api.post(url, {"billing_details[address][line1]": "Via X"})
    assert changed["billing_details"]["address"]["city"] == "Rome"
    event = api.event_of("payment_method.updated", method)
    assert event["data"]["previous_attributes"] == {"billing_details": {"address": {"line1": None}}}
    expired = api.post(url, {"card[exp_year]": "2001"}, 402)["error"]
    assert expired["code"] == "invalid_expiry_year"


def test_what_cannot_be_a_card_is_refused(api: Api) -> None:
    wrong = api.post("/v1/payment_methods", a_card("4242424242424241"), 402)["error"]
    assert wrong["code"] == "incorrect_number"
    api.post("/v1/payment_methods", {"type": "card"}, 400)
    api.post("/v1/payment_methods", {"type": "sofa"}, 400)
    token = {"type": "card", "card[token]": "tok_none"}
    assert api.post("/v1/payment_methods", token, 400)["error"]["code"] == "resource_missing"
    missing = api.get("/v1/payment_methods/pm_none", status=404)["error"]
    assert missing["message"] == "No such PaymentMethod: 'pm_none'"
    api.get("/v1/payment_methods", "customer=cus_none", 400)
