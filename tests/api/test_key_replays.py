"""What an idempotency key keeps: the first answer, to the byte, for the same request of the same merchant."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.api.client import Api
from tests.api.registry import new_merchant
from tests.server import Response, Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
DECLINED = SALE | {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
OLD = "2022-08-01"


@pytest.fixture
def key() -> str:
    return secrets.token_hex(12)


def same(first: Response, again: Response) -> None:
    """The bytes and the status; the headers say that it is a replay, and of which request."""
    assert (again.status, again.raw) == (first.status, first.raw)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]
    assert "idempotent-replayed" not in first.headers


def refund(api: Api, intent: str) -> None:
    assert api.post("/v1/refunds", {"payment_intent": intent})["status"] == "succeeded"


@pytest.mark.parametrize(
    "expand",
    [
        [],
        ["latest_charge"],
        ["latest_charge.refunds"],
        ["latest_charge.balance_transaction", "payment_method", "customer"],
    ],
)
@pytest.mark.parametrize("version", [None, OLD])
def test_an_answer_is_the_same_after_the_charge_was_refunded(
    server: Server, api: Api, key: str, expand: list[str], version: str | None
) -> None:
    form: dict[str, Any] = SALE | {"expand[]": expand}
    headers = {"idempotency_key": key} | ({"stripe_version": version} if version else {})
    first = server.post(INTENTS, form, **headers)
    refund(api, first.body["id"])
    again = server.post(INTENTS, form, **headers)
    same(first, again)
    # What it shows of the charge is what was true then.
    charge = again.body["latest_charge"]
    assert isinstance(charge, str) or not charge["refunded"]


@pytest.mark.parametrize("version", [None, OLD])
def test_a_decline_is_the_same_after_another_card_paid(
    server: Server, api: Api, key: str, version: str | None
) -> None:
    headers = {"idempotency_key": key} | ({"stripe_version": version} if version else {})
    first = server.post(INTENTS, DECLINED, **headers)
    assert first.status == 402
    error = first.body["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    path = f"{INTENTS}/{error['payment_intent']['id']}/confirm"
    assert api.post(path, {"payment_method": "pm_card_visa"})["status"] == "succeeded"
    same(first, server.post(INTENTS, DECLINED, **headers))


def test_a_key_first_used_with_other_parameters(server: Server, api: Api, key: str) -> None:
    api.post(INTENTS, SALE, idempotency_key=key)
    error = api.post(INTENTS, SALE | {"amount": "2001"}, 400, idempotency_key=key)["error"]
    assert error["type"] == "idempotency_error"
    assert error["message"].startswith("Keys for idempotent requests can only be used with the")
    assert key in error["message"]


def test_a_key_first_used_at_another_endpoint(server: Server, api: Api, key: str) -> None:
    made = api.post(INTENTS, {"amount": "2000", "currency": "usd"}, idempotency_key=key)
    for path in (f"{INTENTS}/{made['id']}", f"{INTENTS}/{made['id']}/cancel"):
        error = api.post(path, {}, 400, idempotency_key=key)["error"]
        assert error["type"] == "idempotency_error"
        assert "same endpoint" in error["message"]
    assert api.get(f"{INTENTS}/{made['id']}")["status"] == "requires_payment_method"


def test_the_order_of_parameters_does_not_matter(server: Server, api: Api, key: str) -> None:
    first = server.post(INTENTS, SALE, idempotency_key=key)
    same(first, server.post(INTENTS, dict(reversed(SALE.items())), idempotency_key=key))


def test_another_merchants_key_is_another_key(server: Server, api: Api, key: str) -> None:
    other = {"authorization": f"Bearer {new_merchant(server, 'Another shop')}"}
    mine = api.post(INTENTS, SALE, idempotency_key=key)
    theirs = server.post(INTENTS, SALE, idempotency_key=key, **other)
    assert theirs.status == 200
    assert theirs.body["id"] != mine["id"]
    assert "idempotent-replayed" not in theirs.headers
    changed = server.post(INTENTS, SALE | {"amount": "777"}, idempotency_key=key, **other)
    assert changed.status == 400


def test_a_refused_parameter_leaves_the_key_unused(server: Server, api: Api, key: str) -> None:
    api.post(INTENTS, SALE | {"amount": "x"}, 400, idempotency_key=key)
    api.post(INTENTS, SALE | {"colour": "red"}, 400, idempotency_key=key)
    assert api.post(INTENTS, SALE, idempotency_key=key)["status"] == "succeeded"


def test_a_key_means_nothing_to_a_get_or_delete(server: Server, api: Api, key: str) -> None:
    for _ in range(2):
        answer = server.get(INTENTS, "limit=1", idempotency_key=key)
        assert answer.status == 200
        assert "idempotent-replayed" not in answer.headers
    api.post(INTENTS, SALE, idempotency_key=key)


def test_card_data_is_compared_without_being_kept(server: Server, api: Api, key: str) -> None:
    card = {
        "amount": "2000",
        "currency": "usd",
        "confirm": "true",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242424242424242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123",
    }
    first = server.post(INTENTS, card, idempotency_key=key)
    same(first, server.post(INTENTS, card, idempotency_key=key))
    number = {"payment_method_data[card][number]": "5555555555554444"}
    error = api.post(INTENTS, card | number, 400, idempotency_key=key)["error"]
    assert error["type"] == "idempotency_error"


def test_a_charge_captured_under_a_key(server: Server, api: Api, key: str) -> None:
    held = api.post(INTENTS, SALE | {"capture_method": "manual"})
    path = f"/v1/charges/{held['latest_charge']}/capture"
    form = {"amount": "700", "expand[]": ["balance_transaction"]}
    first = server.post(path, form, idempotency_key=key)
    assert first.body["amount_captured"] == 700
    refund(api, held["id"])
    same(first, server.post(path, form, idempotency_key=key))
