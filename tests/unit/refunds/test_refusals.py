"""Which charges may be refunded, and how the refusals read."""

import pytest

from nostro.kernel.clock import BusinessTime
from nostro.payment_methods.model import BillingDetails, CardFacts, Checks
from nostro.payments.model import Charge, Terms
from nostro.refunds.refusals import left, not_refundable, shown

CARD = CardFacts("visa", "credit", "US", "4242", 12, 2049, "fp")


def a_charge(
    status: str = "succeeded",
    captured: int = 1_000,
    refunded: int = 0,
    reserved: int = 0,
    released: bool = False,
) -> Charge:
    return Charge(
        "ch_1", "acct_1", "pi_1", status, 1_000, "usd", "sandbox", "att_1", BusinessTime(0), False,
        "pm_1", CARD, Checks(), BillingDetails(), Terms(), captured=captured > 0,
        amount_captured=captured, amount_refunded=refunded, refunds_reserved=reserved,
        released=released,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2_000, "usd", "$20.00"),
        (5, "usd", "$0.05"),
        (125_000_000, "usd", "$1,250,000.00"),
        (500, "jpy", "¥500"),
        (1_250, "eur", "€12.50"),
        (1_250, "chf", "12.50 CHF"),
        (1_250, "kwd", "1.250 KWD"),
    ],
)
def test_an_amount_reads_as_in_its_country(amount: int, currency: str, text: str) -> None:
    assert shown(amount, currency) == text


@pytest.mark.parametrize(
    ("charge", "amount", "words"),
    [
        (a_charge(status="failed", captured=0), None, "failed"),
        (a_charge(captured=0), None, "has not been captured; cancel its PaymentIntent instead"),
        (a_charge(captured=0), 1_000, "has not been captured"),
        (a_charge(captured=0), 999, "cannot partially refund an uncaptured charge"),
        (a_charge(captured=0, released=True), None, "has already been refunded"),
        (a_charge(refunded=1_000), None, "has already been refunded"),
        (a_charge(reserved=1_000), 1, "has already been refunded"),
        (a_charge(refunded=400, reserved=600), None, "has already been refunded"),
        (a_charge(refunded=400, reserved=500), 101, "($1.01) is greater than unrefunded"),
        (a_charge(captured=600), 601, "on charge ($6.00)"),
        (a_charge(), 0, "greater than or equal to 1"),
        (a_charge(), -1, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_refunded_says_why(charge: Charge, amount: int | None, words: str) -> None:
    refusal = not_refundable(charge, amount)
    assert refusal is not None
    assert words in refusal.message
    assert (refusal.status, refusal.type) == (400, "invalid_request_error")


@pytest.mark.parametrize("amount", [None, 1, 100])
def test_what_is_left_can_be_refunded(amount: int | None) -> None:
    charge = a_charge(refunded=400, reserved=500)
    assert left(charge) == 100
    assert not_refundable(charge, amount) is None
