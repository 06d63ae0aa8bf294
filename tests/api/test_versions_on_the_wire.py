"""Which version an answer is at: what the header asks, else the account's; unknown ones are refused."""

from __future__ import annotations

import pytest
import stripe

from nostro.api import versions
from tests.api.client import Api
from tests.server import Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
OLD = "2022-08-01"


def test_without_a_header_it_is_the_accounts_own(server: Server) -> None:
    assert server.get(INTENTS, "limit=1").headers["stripe-version"] == versions.LATEST


@pytest.mark.parametrize("version", [*versions.KNOWN, stripe.api_version])
def test_the_header_says_what_was_rendered(server: Server, version: str) -> None:
    answer = server.get(INTENTS, "limit=1", stripe_version=version)
    assert (answer.status, answer.headers["stripe-version"]) == (200, min(version, versions.LATEST))


@pytest.mark.parametrize("version", ["2022-08-02", "2099-01-01", "dahlia", "2026-07-29", "null"])
def test_unknown_versions_are_refused(server: Server, api: Api, version: str) -> None:
    error = api.get(INTENTS, "limit=1", 400, stripe_version=version)["error"]
    assert error["type"] == "invalid_request_error"
    assert version in error["message"]
    api.post(INTENTS, SALE, 400, stripe_version=version)


def test_an_old_version_has_the_charges_inside(server: Server, api: Api) -> None:
    paid = api.post(INTENTS, SALE)
    api.post("/v1/refunds", {"payment_intent": paid["id"], "amount": "500"})
    path = f"{INTENTS}/{paid['id']}"
    assert "charges" not in api.get(path)
    body = server.get(path, stripe_version=OLD).body
    assert body["charges"]["object"] == "list"
    charge = body["charges"]["data"][0]
    assert charge["id"] == paid["latest_charge"]
    assert [refund["amount"] for refund in charge["refunds"]["data"]] == [500]
    listed = server.get(INTENTS, "limit=1", stripe_version=OLD).body["data"][0]
    assert listed["charges"]["data"][0]["id"] == paid["latest_charge"]
    expanded = server.get(path, "expand[]=charges.data.balance_transaction", stripe_version=OLD)
    transaction = expanded.body["charges"]["data"][0]["balance_transaction"]
    assert transaction["object"] == "balance_transaction"
    error = api.get(path, "expand[]=charges", 400)["error"]
    assert "cannot be expanded" in error["message"]


def test_the_default_way_to_capture_depends_on_the_version(server: Server) -> None:
    form = {"amount": "2000", "currency": "usd"}
    for version, wanted in ((OLD, "automatic"), (versions.LATEST, "automatic_async")):
        made = server.post(INTENTS, form, stripe_version=version)
        assert made.body["capture_method"] == wanted


def test_an_old_payment_says_all_its_declined_charges(server: Server, api: Api) -> None:
    declined = SALE | {"payment_method": "pm_card_chargeDeclined"}
    error = server.post(INTENTS, declined, stripe_version=OLD).body["error"]
    assert len(error["payment_intent"]["charges"]["data"]) == 1
    path = f"{INTENTS}/{error['payment_intent']['id']}/confirm"
    paid = server.post(path, {"payment_method": "pm_card_visa"}, stripe_version=OLD).body
    statuses = [charge["status"] for charge in paid["charges"]["data"]]
    assert statuses == ["succeeded", "failed"]
