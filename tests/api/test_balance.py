"""The balance and its lines over the wire."""

import stripe

from tests.api.cards import a_payment
from tests.api.client import Api


def _pending(api: Api, currency: str) -> int:
    funds = api.get("/v1/balance")["pending"]
    return sum(one["amount"] for one in funds if one["currency"] == currency)


def test_a_payment_adds_its_net_and_a_refund_takes_it_away(
    api: Api, sdk: stripe.StripeClient
) -> None:
    before = _pending(api, "chf")
    paid = a_payment(api, currency="chf", amount=10_000)
    fee = 10_000 * 290 // 10_000 + 30
    assert _pending(api, "chf") == before + 10_000 - fee
    api.post("/v1/refunds", {"payment_intent": paid["id"], "amount": 4_000})
    assert _pending(api, "chf") == before + 6_000 - fee
    assert any(one.currency == "usd" for one in sdk.v1.balance.retrieve().pending)


def test_the_lines_of_a_charge_sum_to_what_it_did(api: Api, sdk: stripe.StripeClient) -> None:
    held = a_payment(api, capture_method="manual")
    charge = held["latest_charge"]
    api.post(f"/v1/payment_intents/{held['id']}/capture", {"amount_to_capture": 1200})
    lines = api.get("/v1/balance_transactions", f"source={charge}")["data"]
    assert sum(line["amount"] for line in lines) == 1200
    assert all(line["status"] == "pending" for line in lines)
    one = sdk.v1.balance_transactions.retrieve(lines[0]["id"], {"expand": ["source"]})
    assert isinstance(one.source, stripe.Charge) and one.source.id == charge


def test_lines_are_filtered(api: Api) -> None:
    paid = a_payment(api, currency="sek")["id"]
    refund = api.post("/v1/refunds", {"payment_intent": paid, "amount": 500})
    query = "currency=sek&type=refund"
    lines = api.get("/v1/balance_transactions", query)["data"]
    assert [line["source"] for line in lines] == [refund["id"]]
    assert api.get("/v1/balance_transactions", "currency=sek&created[lt]=1000")["data"] == []
    missing = api.get("/v1/balance_transactions/txn_none", status=404)["error"]
    assert missing["message"] == "No such balance transaction: 'txn_none'"
    unknown = api.get("/v1/balance_transactions", "payout=po_1", 400)["error"]
    assert unknown["code"] == "parameter_unknown"
