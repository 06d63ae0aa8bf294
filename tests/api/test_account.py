"""The account over the wire."""

import stripe

from tests.api.client import Api


def test_a_key_sees_its_own_account_and_no_other(api: Api, sdk: stripe.StripeClient) -> None:
    own = api.get("/v1/account")
    assert own["charges_enabled"] is True
    assert api.get(f"/v1/accounts/{own['id']}") == own
    assert sdk.v1.accounts.retrieve_current().id == own["id"]
    other = api.get("/v1/accounts/acct_other", status=403)["error"]
    assert other["code"] == "account_invalid"
