"""Customers over the wire."""

import stripe

from tests.api.client import Api


def test_the_sdk_creates_updates_lists_and_deletes(sdk: stripe.StripeClient) -> None:
    made = sdk.v1.customers.create(
        {"email": "ada@example.com", "name": "Ada", "metadata": {"tier": "gold", "old": "x"}}
    )
    changed = sdk.v1.customers.update(
        made.id,
        {
            "metadata": {"old": "", "new": "y"},
            "address": {"line1": "1 Main St", "country": "US"},
            "shipping": {"name": "Ada", "address": {"line1": "2 Side St"}},
            "preferred_locales": ["de", "en"],
            "tax_exempt": "reverse",
            "phone": "",
        },
    )
    assert changed.metadata is not None and changed.metadata.to_dict() == {
        "tier": "gold",
        "new": "y",
    }
    assert changed.address is not None and changed.address.line1 == "1 Main St"
    assert changed.shipping is not None and changed.shipping.address is not None
    assert (changed.name, changed.tax_exempt, changed.preferred_locales) == (
        "Ada", "reverse", ["de", "en"],
    )  # fmt: skip
    listed = sdk.v1.customers.list({"email": "ada@example.com"})
    assert [customer.id for customer in listed.data] == [made.id]
    assert sdk.v1.customers.delete(made.id).deleted is True
    assert sdk.v1.customers.retrieve(made.id).deleted is True
    assert sdk.v1.customers.list({"email": "ada@example.com"}).data == []


def test_a_method_named_at_creation_is_attached_and_may_become_the_default(api: Api) -> None:
    customer = api.post("/v1/customers", {"payment_method": "pm_card_visa"})["id"]
    method = api.get(f"/v1/customers/{customer}/payment_methods")["data"][0]["id"]
    form = {"invoice_settings[default_payment_method]": method}
    settings = api.post(f"/v1/customers/{customer}", form)["invoice_settings"]
    assert settings["default_payment_method"] == method
    one = api.get(f"/v1/customers/{customer}/payment_methods/{method}", "expand[]=customer")
    assert one["customer"]["id"] == customer


def test_only_an_attached_method_becomes_the_default(api: Api) -> None:
    customer = api.post("/v1/customers")["id"]
    method = api.post("/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"})["id"]
    form = {"invoice_settings[default_payment_method]": method}
    error = api.post(f"/v1/customers/{customer}", form, 400)["error"]
    assert error["code"] == "resource_missing"
    assert error["param"] == "invoice_settings[default_payment_method]"
    assert "must be attached to the customer" in error["message"]


def test_deleting_detaches_and_tells(api: Api) -> None:
    customer = api.post("/v1/customers", {"payment_method": "pm_card_visa", "name": "Grace"})["id"]
    method = api.get(f"/v1/customers/{customer}/payment_methods")["data"][0]["id"]
    api.delete(f"/v1/customers/{customer}")
    assert api.get(f"/v1/payment_methods/{method}")["customer"] is None
    assert api.event_of("customer.deleted", customer)["data"]["object"]["name"] == "Grace"
    detached = api.event_of("payment_method.detached", method)
    assert detached["data"]["previous_attributes"] == {"customer": customer}
    for missing in (
        api.post(f"/v1/customers/{customer}", {"name": "x"}, 404),
        api.delete(f"/v1/customers/{customer}", 404),
        api.get(f"/v1/customers/{customer}/payment_methods", status=404),
    ):
        assert missing["error"]["message"] == f"No such customer: '{customer}'"


def test_events_say_what_changed(api: Api) -> None:
    customer = api.post("/v1/customers", {"email": "a@example.com", "metadata[a]": "1"})["id"]
    assert api.event_of("customer.created", customer)["request"]["id"].startswith("req_")
    api.post(f"/v1/customers/{customer}", {"email": "b@example.com", "metadata[b]": "2"})
    previous = api.event_of("customer.updated", customer)["data"]["previous_attributes"]
    assert previous == {"email": "a@example.com", "metadata": {"b": None}}
    api.post(f"/v1/customers/{customer}", {"email": "b@example.com"})
    updates = [
        event for event in api.events("customer.updated")
        if event["data"]["object"]["id"] == customer
    ]  # fmt: skip
    assert len(updates) == 1, "nothing changed, so nothing happened"


def test_emptying_clears(api: Api) -> None:
    form = {"name": "x", "address[line1]": "y", "metadata[a]": "b", "shipping[name]": "z"}
    form |= {"shipping[address][line1]": "w", "tax_exempt": "exempt"}
    customer = api.post("/v1/customers", form)["id"]
    emptied = {"name": "", "address": "", "metadata": "", "shipping": "", "tax_exempt": ""}
    cleared = api.post(f"/v1/customers/{customer}", emptied)
    assert (cleared["name"], cleared["address"], cleared["shipping"]) == (None, None, None)
    assert (cleared["metadata"], cleared["tax_exempt"]) == ({}, "none")


def test_bad_parameters_are_refused(api: Api) -> None:
    unknown = api.post("/v1/customers", {"shoe_size": "42"}, 400)["error"]
    assert (unknown["code"], unknown["param"]) == ("parameter_unknown", "shoe_size")
    assert api.post("/v1/customers", {"tax_exempt": "maybe"}, 400)["error"]["param"] == "tax_exempt"
    api.post("/v1/customers", {"payment_method": "pm_none"}, 404)


def test_lists_page_both_ways(api: Api) -> None:
    ids = [api.post("/v1/customers", {"email": "page@example.com"})["id"] for _ in range(5)][::-1]
    of_all = "email=page@example.com&limit=2"
    first = api.get("/v1/customers", of_all)
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = api.get("/v1/customers", f"email=page@example.com&starting_after={ids[1]}")
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == (ids[2:], False)
    back = api.get("/v1/customers", f"{of_all}&ending_before={ids[3]}")
    assert ([row["id"] for row in back["data"]], back["has_more"]) == (ids[1:3], True)
    both = f"starting_after={ids[0]}&ending_before={ids[1]}"
    api.get("/v1/customers", both, 400)
    missing = api.get("/v1/customers", "starting_after=cus_none", 400)["error"]
    assert (missing["code"], missing["param"]) == ("resource_missing", "starting_after")
