"""Keys: every POST is replayed to the byte, whatever it made."""

import secrets

import pytest

from tests.api.cards import a_card, a_payment
from tests.api.client import Api

CREATIONS = {
    "/v1/customers": {"email": "key@example.com", "payment_method": "pm_card_visa"},
    "/v1/payment_methods": a_card(),
    "/v1/payment_intents": {"amount": "2000", "currency": "usd"},
    "/v1/webhook_endpoints": {"url": "https://example.com", "enabled_events[]": "*"},
}


@pytest.mark.parametrize("path", CREATIONS)
def test_a_creation_is_replayed(api: Api, path: str) -> None:
    key, form = secrets.token_hex(8), CREATIONS[path]
    first = api.server.post(path, form, idempotency_key=key)
    second = api.server.post(path, form, idempotency_key=key)
    assert (first.status, second.status) == (200, 200), first.raw
    assert second.raw == first.raw
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    other = api.post(path, dict(form) | {"metadata[x]": "y"}, 400, idempotency_key=key)
    assert other["error"]["type"] == "idempotency_error"
    if path == "/v1/webhook_endpoints":
        api.delete(f"{path}/{first.body['id']}")


def test_changes_are_replayed_as_they_were(api: Api) -> None:
    customer = api.post("/v1/customers")["id"]
    refunded = a_payment(api)["id"]
    changes = [
        (f"/v1/customers/{customer}", {"name": "one"}),
        ("/v1/payment_methods/pm_card_visa/attach", {"customer": customer}),
        ("/v1/refunds", {"payment_intent": refunded, "expand[]": "charge"}),
    ]
    keys = [secrets.token_hex(8) for _ in changes]
    first = [
        api.server.post(path, form, idempotency_key=key)
        for key, (path, form) in zip(keys, changes, strict=True)
    ]
    api.post(f"/v1/customers/{customer}", {"name": "two"})
    for key, (path, form), was in zip(keys, changes, first, strict=True):
        again = api.server.post(path, form, idempotency_key=key)
        assert (was.status, again.raw) == (200, was.raw)
    assert api.get(f"/v1/customers/{customer}")["name"] == "two"
    assert len(api.get("/v1/payment_methods", f"customer={customer}")["data"]) == 1


def test_a_refusal_after_execution_is_replayed_and_one_before_is_not(api: Api) -> None:
    key = secrets.token_hex(8)
    method = api.post("/v1/payment_methods", a_card())["id"]
    url = f"/v1/payment_methods/{method}/detach"
    first = api.server.post(url, idempotency_key=key)
    again = api.server.post(url, idempotency_key=key)
    assert first.status == 400 and again.raw == first.raw
    assert again.headers["idempotent-replayed"] == "true"
    unsaved = secrets.token_hex(8)
    api.post("/v1/customers", {"nonsense": "1"}, 400, idempotency_key=unsaved)
    api.post("/v1/customers", {"name": "now right"}, 200, idempotency_key=unsaved)
