"""The acquirer and the network to it fail; what the API says is what the acquirer's book will say."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.api.acquirer import Acquirer, until
from tests.api.client import Api, Body
from tests.server import Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
HOLD = SALE | {"capture_method": "manual"}
CALL_MS = 1_500


@pytest.fixture(scope="module")
def failing_server() -> Iterator[Server]:
    """A server that waits for its acquirer a second and a half."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOSTRO_CALL_MS", str(CALL_MS))
        patch.setenv("NOSTRO_SEND_MS", "500")
        patch.setenv("NOSTRO_SETTLE_MS", "2000")
        patch.setenv("NOSTRO_RETRY_MS", "200")
        with Server.start() as started:
            yield started


@pytest.fixture
def api(failing_server: Server, api: Api) -> Api:
    return Api(failing_server)


@pytest.fixture
def acquirer(failing_server: Server) -> Acquirer:
    return Acquirer(failing_server)


def status(api: Api, intent: str) -> str:
    return str(api.get(f"{INTENTS}/{intent}")["status"])


def becomes(api: Api, intent: str, wanted: str) -> None:
    until(lambda: status(api, intent) == wanted)


def lines(acquirer: Acquirer, mark: int, operation: str) -> list[str]:
    return [line["state"] for line in acquirer.since(mark) if line["operation"] == operation]


@pytest.mark.parametrize("fault", ["reply_lost", "error_after", "truncated", "wrong_amount"])
def test_done_and_not_heard_of(api: Api, acquirer: Acquirer, fault: str) -> None:
    """It was charged and the answer was lost: processing, then succeeded, and charged once."""
    mark, key = acquirer.mark(), secrets.token_hex(12)
    with acquirer.failing(fault, "authorize", count=1):
        first = api.post(INTENTS, SALE, idempotency_key=key)
    assert first["status"] == "processing"
    assert first["amount_received"] == 0
    becomes(api, first["id"], "succeeded")
    assert lines(acquirer, mark, "sale") == ["approved"]
    assert api.post(INTENTS, SALE, idempotency_key=key) == first  # what was answered stays answered
    types = [event["type"] for event in _events_of(api, first["id"])]
    assert types == [
        "payment_intent.succeeded", "payment_intent.processing", "payment_intent.created"
    ]  # fmt: skip


def _events_of(api: Api, intent: str) -> list[Body]:
    listed: list[Body] = api.get("/v1/events", "limit=100")["data"]
    return [event for event in listed if event["data"]["object"]["id"] == intent]


@pytest.mark.parametrize("fault", ["request_lost", "error_before"])
def test_never_done_and_not_heard_of(api: Api, acquirer: Acquirer, fault: str) -> None:
    """It may have been charged: never reported as a failure; then it ends, and at most one charge stands."""
    mark = acquirer.mark()
    with acquirer.failing(fault, "authorize", count=1):
        first = api.post(INTENTS, SALE)
    assert first["status"] == "processing"
    until(lambda: status(api, first["id"]) != "processing")
    paid = status(api, first["id"]) == "succeeded"
    assert lines(acquirer, mark, "sale").count("approved") == paid


def test_a_card_given_with_its_code_is_not_sent_twice(api: Api, acquirer: Acquirer) -> None:
    """The code may not be kept, so a lost request is not repeated: it is cancelled by reference."""
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
    mark = acquirer.mark()
    with acquirer.failing("request_lost", "authorize", count=1):
        first = api.post(INTENTS, card)
    assert first["status"] == "processing"
    becomes(api, first["id"], "requires_payment_method")
    shown = api.get(f"{INTENTS}/{first['id']}")
    assert shown["last_payment_error"]["code"] == "processing_error"
    assert "approved" not in lines(acquirer, mark, "sale")
    again = api.post(f"{INTENTS}/{first['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert again["status"] == "succeeded"


def test_nobody_listens(api: Api, acquirer: Acquirer) -> None:
    """Nothing was sent, so nothing was charged: 402, and the payment may be tried again."""
    mark = acquirer.mark()
    acquirer.refuse_connections(1500)
    until(lambda: not acquirer_answers(acquirer))
    error = api.post(INTENTS, SALE, 402)["error"]
    assert (error["type"], error["code"]) == ("card_error", "processing_error")
    intent = error["payment_intent"]
    assert intent["status"] == "requires_payment_method"
    until(lambda: acquirer_answers(acquirer))
    assert acquirer.since(mark) == []
    path = f"{INTENTS}/{intent['id']}/confirm"
    assert api.post(path, {"payment_method": "pm_card_visa"})["status"] == "succeeded"


def acquirer_answers(acquirer: Acquirer) -> bool:
    try:
        acquirer.mark()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("fault", ["delay", "delay_before"])
def test_an_answer_after_the_deadline(api: Api, acquirer: Acquirer, fault: str) -> None:
    mark = acquirer.mark()
    with acquirer.failing(fault, "authorize", count=1, delay_ms=CALL_MS + 800):
        first = api.post(INTENTS, SALE)
    assert first["status"] == "processing"
    until(lambda: status(api, first["id"]) != "processing")
    paid = status(api, first["id"]) == "succeeded"
    until(lambda: lines(acquirer, mark, "sale").count("approved") == paid, 5)
    assert fault == "delay_before" or paid


def test_while_it_is_unknown_nothing_else_is_begun(api: Api, acquirer: Acquirer) -> None:
    with acquirer.failing("error_before", "*"):
        first = api.post(INTENTS, SALE)
        assert first["status"] == "processing"
        one = f"{INTENTS}/{first['id']}"
        for action, form in (
            ("confirm", {"payment_method": "pm_card_visa"}), ("capture", {}), ("cancel", {})
        ):  # fmt: skip
            error = api.post(f"{one}/{action}", form, 429)["error"]
            assert error["code"] == "lock_timeout"
        assert status(api, first["id"]) == "processing"
        refund = api.post("/v1/refunds", {"payment_intent": first["id"]}, 400)["error"]
        assert refund["type"] == "invalid_request_error"
    until(lambda: status(api, first["id"]) in ("succeeded", "requires_payment_method"))


@pytest.mark.parametrize(
    ("action", "operation", "ended"),
    [("capture", "capture", "succeeded"), ("cancel", "void", "canceled")],
)
@pytest.mark.parametrize("fault", ["reply_lost", "request_lost", "error_after", "error_before"])
def test_a_capture_or_cancel_of_unknown_outcome(
    api: Api, acquirer: Acquirer, action: str, operation: str, ended: str, fault: str
) -> None:
    held = api.post(INTENTS, HOLD)
    assert held["status"] == "requires_capture"
    mark = acquirer.mark()
    with acquirer.failing(fault, operation, count=1):
        first = api.post(f"{INTENTS}/{held['id']}/{action}")
    assert first["status"] == "processing"
    until(lambda: status(api, held["id"]) != "processing")
    done = status(api, held["id"]) == ended
    assert lines(acquirer, mark, operation).count("approved") == done
    assert done or status(api, held["id"]) == "requires_capture"


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost", "error_after", "wrong_amount"])
def test_a_refund_of_unknown_outcome(api: Api, acquirer: Acquirer, fault: str) -> None:
    sold = api.post(INTENTS, SALE)
    mark = acquirer.mark()
    with acquirer.failing(fault, "refund", count=1):
        first = api.post("/v1/refunds", {"payment_intent": sold["id"], "amount": "1500"})
    assert first["status"] == "pending"
    # What is on its way cannot be refunded again.
    error = api.post("/v1/refunds", {"payment_intent": sold["id"], "amount": "1500"}, 400)["error"]
    assert error["param"] == "amount"
    path = f"/v1/refunds/{first['id']}"
    until(lambda: bool(api.get(path)["status"] == "succeeded"))
    assert lines(acquirer, mark, "refund") == ["approved"]
    charge = api.get(f"/v1/charges/{sold['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (1500, False)
