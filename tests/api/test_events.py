"""Events over the wire."""

import stripe

from tests import wire_schema
from tests.api.cards import a_payment
from tests.api.client import Api


def test_the_sdk_lists_what_a_payment_did(api: Api, sdk: stripe.StripeClient) -> None:
    paid = a_payment(api)
    mine = [
        event for event in sdk.v1.events.list({"limit": 20}).data
        if paid["id"] in str(event.data.object)
    ]  # fmt: skip
    assert {event.type for event in mine} >= {
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
    }  # fmt: skip
    one = sdk.v1.events.retrieve(mine[0].id)
    assert (one.id, one.type) == (mine[0].id, mine[0].type)


def test_types_are_names_groups_or_several(api: Api) -> None:
    a_payment(api)
    api.post("/v1/customers")
    only = api.get("/v1/events", "type=charge.succeeded&limit=100")["data"]
    assert {event["type"] for event in only} == {"charge.succeeded"}
    group = api.get("/v1/events", "type=payment_intent.*&limit=100")["data"]
    assert {event["type"].partition(".")[0] for event in group} == {"payment_intent"}
    several = "types[]=charge.succeeded&types[]=customer.created&limit=100"
    found = {event["type"] for event in api.get("/v1/events", several)["data"]}
    assert found == {"charge.succeeded", "customer.created"}
    assert api.get("/v1/events", "type=payment%25")["data"] == []
    assert api.get("/v1/events", "type=charge_succeeded")["data"] == []
    api.get("/v1/events", "type=a&types[]=b", 400)


def test_an_event_keeps_the_object_as_it_was(api: Api) -> None:
    customer = api.post("/v1/customers", {"name": "first"})["id"]
    api.post(f"/v1/customers/{customer}", {"name": "second"})
    assert api.event_of("customer.created", customer)["data"]["object"]["name"] == "first"


def test_an_older_version_shows_older_objects(api: Api) -> None:
    paid = a_payment(api)
    event = api.event_of("payment_intent.succeeded", paid["id"])
    old = api.server.get(f"/v1/events/{event['id']}", stripe_version="2022-08-01")
    assert old.body["api_version"] == "2022-08-01"
    assert old.body["data"]["object"]["charges"]["data"][0]["id"] == paid["latest_charge"]


def test_pending_webhooks_counts_those_that_have_not_accepted(api: Api) -> None:
    form = {"url": "http://127.0.0.1:9/closed", "enabled_events[]": "customer.created"}
    endpoint = api.post("/v1/webhook_endpoints", form)["id"]
    try:
        customer = api.post("/v1/customers")["id"]
        assert api.event_of("customer.created", customer)["pending_webhooks"] == 1
        api.post(f"/v1/customers/{customer}", {"name": "x"})
        assert api.event_of("customer.updated", customer)["pending_webhooks"] == 0
    finally:
        api.delete(f"/v1/webhook_endpoints/{endpoint}")
    assert api.event_of("customer.created", customer)["pending_webhooks"] == 0


def test_a_missing_event(api: Api) -> None:
    error = api.get("/v1/events/evt_none", status=404)["error"]
    assert error["message"] == "No such event: 'evt_none'"
    assert wire_schema.checked["error"] > 0
