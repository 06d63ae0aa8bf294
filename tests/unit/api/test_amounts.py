"""Amounts on the wire and amounts in the books are the same money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from nostro.api import amounts
from nostro.api.amounts import check_charge, from_wire, stripe_decimals, to_wire
from nostro.api.errors import ApiError

# Decimals of Stripe's amounts, by its documentation of supported currencies.
ZERO = {
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
}  # fmt: skip
TWO_FOR_NONE = {"ugx", "isk"}
THREE = {"bhd", "jod", "kwd", "omr", "tnd"}
ISO = {c.code.lower(): c.exponent for c in Currency if c.exponent is not None}
CURRENCIES = sorted(ISO)


@pytest.mark.parametrize("currency", sorted(ZERO | TWO_FOR_NONE | THREE | {"usd", "huf", "twd"}))
def test_decimals_are_those_stripe_documents(currency: str) -> None:
    expected = 0 if currency in ZERO else 3 if currency in THREE else 2
    assert stripe_decimals(currency) == expected


def test_iso_and_stripe_differ_in_exactly_three_currencies() -> None:
    assert {
        c: (ISO[c], stripe_decimals(c)) for c in CURRENCIES if ISO[c] != stripe_decimals(c)
    } == {
        "isk": (0, 2),
        "mga": (2, 0),
        "ugx": (0, 2),
    }


@pytest.mark.parametrize("currency", CURRENCIES)
def test_scaling_follows_from_the_decimals(currency: str) -> None:
    one_major_unit = 10 ** ISO[currency]
    assert to_wire(one_major_unit, currency) == 10 ** stripe_decimals(currency)


@given(st.sampled_from(CURRENCIES), st.integers(0, 999_999))
def test_an_amount_survives_the_way_in_and_out(currency: str, tens: int) -> None:
    amount = tens * 100
    assert to_wire(from_wire(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "ours"),
    [
        (500, "isk", 5), (500, "ugx", 5), (7, "mga", 700), (5120, "kwd", 5120), (5, "huf", 5),
        (500, "jpy", 500), (1099, "usd", 1099), (50, "clp", 50), (123, "mru", 123),
    ],
)  # fmt: skip
def test_stripes_amounts_in_our_units(amount: int, currency: str, ours: int) -> None:
    assert from_wire(amount, currency) == ours
    assert to_wire(ours, currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(550, "isk"), (1, "ugx"), *((5124, currency) for currency in sorted(THREE))],
)
def test_amounts_that_must_end_in_zeros_do(amount: int, currency: str) -> None:
    with pytest.raises(ApiError, match="must end in 0") as refused:
        from_wire(amount, currency)
    assert (refused.value.status, refused.value.code) == (400, "parameter_invalid_integer")
    assert refused.value.param == "amount"


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (49, "usd", "Amount must be at least $0.50 usd"),
        (29, "gbp", "Amount must be at least £0.30 gbp"),
        (49, "jpy", "Amount must be at least ¥50 jpy"),
        (17499, "huf", "Amount must be at least Ft175.00 huf"),
        (0, "xof", "Amount must be at least 1 xof"),
        (0, "isk", "Amount must be at least kr1 isk"),
        (9, "kwd", "Amount must be at least 0.010 kwd"),
        (99, "mga", "Amount must be at least 1.00 mga"),
    ],
)
def test_too_small_a_charge_says_the_least(amount: int, currency: str, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_charge(amount, currency)
    assert (refused.value.message, refused.value.code) == (words, "amount_too_small")
    check_charge(amounts.smallest(currency), currency)


@pytest.mark.parametrize(
    ("currency", "words"),
    [
        ("usd", "Amount must be no more than $999,999.99"),
        ("jpy", "Amount must be no more than ¥99,999,999"),
        ("isk", "Amount must be no more than kr999,999"),
        ("mga", "Amount must be no more than 99,999,999.00"),
    ],
)
def test_too_large_a_charge_says_the_most(currency: str, words: str) -> None:
    most = amounts.largest(currency)
    check_charge(most, currency)
    with pytest.raises(ApiError) as refused:
        check_charge(most + 100, currency)
    assert (refused.value.message, refused.value.code) == (words, "amount_too_large")
    assert to_wire(most, currency) <= amounts.LARGEST
