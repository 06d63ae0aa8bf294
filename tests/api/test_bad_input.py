"""What no client of Stripe's sends, and what still must be answered in order."""

import pytest

from tests.api.client import Api

COLLECTIONS = (
    "/v1/customers", "/v1/payment_methods", "/v1/charges", "/v1/refunds", "/v1/events",
    "/v1/balance_transactions", "/v1/webhook_endpoints", "/v1/payment_intents",
)  # fmt: skip


@pytest.mark.parametrize("path", COLLECTIONS)
def test_lists_refuse_bad_pages(api: Api, path: str) -> None:
    for query, param in (
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("starting_after=xx_none", "starting_after"),
        ("ending_before=xx_none", "ending_before"),
        ("created[gte]=yesterday", "created[gte]"),
        ("colour=blue", "colour"),
    ):
        assert api.get(path, query, 400)["error"]["param"] == param
    api.get(path, "expand[]=data.nonsense", 400)
    api.get(path, "email=%00", 400)


@pytest.mark.parametrize("path", COLLECTIONS)
def test_what_cannot_be_an_id_does_not_exist(api: Api, path: str) -> None:
    for identifier in ("none", "%00", "%22", "x" * 300, "%F0%9F%98%80", "a%20b"):
        error = api.get(f"{path}/{identifier}", status=404)["error"]
        assert error["code"] == "resource_missing", identifier


def test_other_methods_are_unknown(api: Api) -> None:
    assert "Unrecognized request URL" in api.delete("/v1/charges/ch_1", 404)["error"]["message"]
