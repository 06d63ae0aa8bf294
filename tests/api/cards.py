"""Payments and cards as tests of the API need them."""

from __future__ import annotations

from tests.api.client import Api, Body


def a_payment(api: Api, **form: str | int) -> Body:
    """A payment of 20 USD, confirmed with a good card."""
    values: dict[str, str | int] = {
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
    }  # fmt: skip
    return api.post("/v1/payment_intents", values | form)


def a_card(number: str = "4242424242424242") -> dict[str, str]:
    """The form of a card given by its number."""
    return {
        "type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "34",
        "card[cvc]": "123",
    }  # fmt: skip
