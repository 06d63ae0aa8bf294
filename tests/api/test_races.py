"""Requests that meet: whatever the order, one of them counts, and the acquirer's book agrees."""

from __future__ import annotations

import secrets
from collections import Counter

import pytest

from tests import wire_schema
from tests.api.acquirer import Acquirer
from tests.api.client import Api
from tests.api.crowd import Post, at_once
from tests.server import Response, Server

INTENTS = "/v1/payment_intents"
SALE = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa"
HOLD = SALE + "&capture_method=manual"


@pytest.fixture
def acquirer(server: Server) -> Acquirer:
    return Acquirer(server)


def key() -> str:
    return secrets.token_hex(12)


def judged(answers: list[Response]) -> None:
    for answer in answers:
        wire_schema.validate(answer.body)


def paid(acquirer: Acquirer, mark: int, operation: str) -> list[int]:
    """The amounts of what was approved since the mark."""
    return [
        line["amount"]
        for line in acquirer.since(mark)
        if line["operation"] == operation and line["outcome"] == "approved"
    ]


@pytest.mark.parametrize("expand", ["", "&expand[]=latest_charge.balance_transaction"])
def test_two_hundred_requests_with_one_key_are_one_payment(
    server: Server, api: Api, acquirer: Acquirer, expand: str
) -> None:
    mark, posts = acquirer.mark(), [Post(INTENTS, SALE + expand, key())] * 200
    answers = at_once(server, posts)
    judged(answers)
    assert Counter(answer.status for answer in answers).keys() <= {200, 409}
    bodies = {answer.raw for answer in answers if answer.status == 200}
    assert len(bodies) == 1
    refused = [answer.body["error"] for answer in answers if answer.status == 409]
    assert all(error["code"] == "idempotency_key_in_use" for error in refused)
    assert {error["type"] for error in refused} <= {"idempotency_error"}
    again = at_once(server, posts)
    assert {(answer.status, answer.raw) for answer in again} == {(200, bodies.pop())}
    assert {answer.headers["idempotent-replayed"] for answer in again} == {"true"}
    assert paid(acquirer, mark, "sale") == [2000]


def test_two_refunds_of_sixty_on_a_charge_of_a_hundred(
    server: Server, api: Api, acquirer: Acquirer
) -> None:
    for _ in range(5):
        charge = api.post(INTENTS, dict(pair.split("=") for pair in SALE.split("&")))
        mark = acquirer.mark()
        form = f"payment_intent={charge['id']}&amount=1200"
        answers = at_once(server, [Post("/v1/refunds", form, key()) for _ in range(2)])
        judged(answers)
        assert sorted(answer.status for answer in answers) in ([200, 400], [200, 429])
        assert paid(acquirer, mark, "refund") == [1200]
        shown = api.get(f"/v1/charges/{charge['latest_charge']}")
        assert shown["amount_refunded"] == 1200


def test_a_capture_and_a_cancel_at_once_never_both_win(
    server: Server, api: Api, acquirer: Acquirer
) -> None:
    for _ in range(8):
        held = api.post(INTENTS, dict(pair.split("=") for pair in HOLD.split("&")))
        mark, one = acquirer.mark(), f"{INTENTS}/{held['id']}"
        answers = at_once(server, [Post(one + "/capture", ""), Post(one + "/cancel", "")])
        judged(answers)
        captured, canceled = (answer.status == 200 for answer in answers)
        assert captured != canceled
        loser = answers[captured].body["error"]
        assert loser["code"] in ("lock_timeout", "payment_intent_unexpected_state")
        status = api.get(one)["status"]
        assert status == ("succeeded" if captured else "canceled")
        assert len(paid(acquirer, mark, "capture")) == captured
        assert len(paid(acquirer, mark, "void")) == canceled


def test_the_same_card_under_many_keys_on_one_payment_is_charged_once(
    server: Server, api: Api, acquirer: Acquirer
) -> None:
    intent = api.post(INTENTS, {"amount": "2000", "currency": "usd"})
    mark = acquirer.mark()
    card = (
        "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242"
        "&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2040"
        "&payment_method_data[card][cvc]=123"
    )
    path = f"{INTENTS}/{intent['id']}/confirm"
    answers = at_once(server, [Post(path, card, key()) for _ in range(20)])
    judged(answers)
    assert Counter(answer.status for answer in answers)[200] == 1
    codes = {answer.body["error"]["code"] for answer in answers if answer.status != 200}
    assert codes <= {"lock_timeout", "payment_intent_unexpected_state"}
    late = api.post(path, dict(pair.split("=") for pair in card.split("&")), status=400)
    assert late["error"]["code"] == "payment_intent_unexpected_state"
    assert paid(acquirer, mark, "sale") == [2000]


def test_captures_at_once_take_the_money_once(server: Server, api: Api, acquirer: Acquirer) -> None:
    held = api.post(INTENTS, dict(pair.split("=") for pair in HOLD.split("&")))
    mark, path = acquirer.mark(), f"{INTENTS}/{held['id']}/capture"
    posts = [Post(path, f"amount_to_capture={amount}") for amount in (500, 900, 1300, 2000)]
    answers = at_once(server, posts)
    judged(answers)
    won = [answer.body for answer in answers if answer.status == 200]
    assert len(won) == 1
    assert paid(acquirer, mark, "capture") == [won[0]["amount_received"]]


def test_customers_deleted_and_charged_at_once(server: Server, api: Api) -> None:
    customer = api.post("/v1/customers", {"email": "a@example.com"})["id"]
    method = api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    sale = f"amount=2000&currency=usd&confirm=true&customer={customer}&payment_method={method}"
    posts = [Post(INTENTS, sale) for _ in range(6)]
    posts += [Post(f"/v1/payment_methods/{method}/detach", "") for _ in range(3)]
    answers = at_once(server, posts)
    judged(answers)
    assert all(answer.status in (200, 400, 404, 429) for answer in answers)
