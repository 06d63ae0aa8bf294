"""Cards are refused in Stripe's words, and test cards are what they claim."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.kernel.secret import Cvc, Pan
from nostro.vault import PresealedCards, card_facts, check_card
from nostro.vault.cards import brand, check_cvc, check_expiry, check_number, luhn
from nostro.vault.test_cards import (
    BY_NUMBER,
    BY_TOKEN,
    TEST_CARDS,
    TestCard,
    facts_in_test_book,
    far_expiry,
)
from tests.unit.vault.keys import VISA, a_vault

TODAY = date(2026, 11, 22)

REFUSED = [
    ("4242424242424241", 12, 2034, "123", "incorrect_number"),
    ("424242424242424", 12, 2034, "123", "invalid_number"),
    ("4242", 12, 2034, "123", "invalid_number"),
    ("", 12, 2034, "123", "invalid_number"),
    ("42424242424242٤2", 12, 2034, "123", "invalid_number"),
    ("4242 4242 4242 4242", 12, 2034, "123", "invalid_number"),
    ("4" * 20, 12, 2034, "123", "invalid_number"),
    (VISA, 13, 2034, "123", "invalid_expiry_month"),
    (VISA, 0, 2034, "123", "invalid_expiry_month"),
    (VISA, -1, 2034, "123", "invalid_expiry_month"),
    (VISA, 10, 2026, "123", "invalid_expiry_month"),
    (VISA, 12, 2025, "123", "invalid_expiry_year"),
    (VISA, 12, 25, "123", "invalid_expiry_year"),
    (VISA, 12, 2077, "123", "invalid_expiry_year"),
    (VISA, 12, 202, "123", "invalid_expiry_year"),
    (VISA, 12, 2034, "12", "invalid_cvc"),
    (VISA, 12, 2034, "1234", "invalid_cvc"),
    (VISA, 12, 2034, "12a", "invalid_cvc"),
    (VISA, 12, 2034, "12٣", "invalid_cvc"),
    ("378282246310005", 12, 2034, "123", "invalid_cvc"),
]
MESSAGES = {
    "incorrect_number": "Your card number is incorrect.",
    "invalid_number": "The card number is not a valid credit card number.",
    "invalid_expiry_month": "Your card's expiration month is invalid.",
    "invalid_expiry_year": "Your card's expiration year is invalid.",
    "invalid_cvc": "Your card's security code is invalid.",
}


@pytest.mark.parametrize(("number", "month", "year", "cvc", "code"), REFUSED)
def test_a_card_is_refused_in_stripes_words(
    number: str, month: int, year: int, cvc: str, code: str
) -> None:
    refusal = check_card(Pan(number), month, year, Cvc(cvc), TODAY)
    assert refusal is not None
    assert (refusal.code, refusal.message) == (code, MESSAGES[code])


@pytest.mark.parametrize(("month", "year"), [(11, 2026), (11, 26), (1, 2027), (12, 2076)])
def test_a_card_is_good_to_the_end_of_its_month(month: int, year: int) -> None:
    assert check_card(Pan(VISA), month, year, None, TODAY) is None


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("2221000000000009", "mastercard"),
        ("2720999999999996", "mastercard"),
        ("2720", "mastercard"),
        ("2721000000000004", "unknown"),
        ("2220999999999991", "unknown"),
        ("6450000000000000", "discover"),
        ("30569309025904", "diners"),
        ("36227206271667", "diners"),
        ("3530111333300000", "jcb"),
        ("9999999999999999", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_brand_is_told_by_the_first_digits(number: str, name: str) -> None:
    assert brand(Pan(number)) == name


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_any_single_wrong_digit_is_caught(body: str, at: int, by: int) -> None:
    number = next(body + digit for digit in "0123456789" if luhn(body + digit))
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert not luhn(wrong)


def test_amex_has_four_digits_and_an_unknown_brand_either() -> None:
    assert check_cvc(Cvc("1234"), "amex") is None
    assert check_cvc(Cvc("123"), "unknown") is check_cvc(Cvc("1234"), "unknown") is None


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.name)
def test_every_test_card_passes_our_own_rules(card: TestCard) -> None:
    found = BY_TOKEN["pm_card_" + card.name]
    number = Pan(found.number)
    assert check_number(number) is None
    assert found.brand == brand(number) != "unknown"
    assert check_expiry(*far_expiry(TODAY), TODAY) is None
    assert BY_TOKEN["tok_" + found.name] is found


def test_names_are_unique_and_the_first_of_a_number_describes_it() -> None:
    assert len(BY_TOKEN) == 2 * len(TEST_CARDS)
    assert BY_NUMBER[VISA].name == "visa"
    assert BY_NUMBER["4000000000000002"].name == "chargeDeclined"


# ISO 3166-1 numeric codes, which the issuer digits of the country cards spell.
ISO_NUMBERS = {"DE": "276", "FR": "250", "GB": "826", "BR": "076", "JP": "392", "IE": "372"}


@pytest.mark.parametrize(("country", "number"), ISO_NUMBERS.items())
def test_country_cards_carry_the_number_of_their_country(country: str, number: str) -> None:
    assert BY_TOKEN["pm_card_" + country.lower()].number[6:9] == number


def test_a_test_card_knows_more_than_its_number_tells() -> None:
    prepaid = Pan("5105105105105100")
    assert card_facts(prepaid, 1, 34).funding == "unknown"
    facts = facts_in_test_book(prepaid, 1, 34)
    assert (facts.funding, facts.country, facts.exp_year) == ("prepaid", "US", 2034)
    assert facts_in_test_book(Pan("4000123412349010"), 1, 34).country is None


def test_a_magic_token_is_sealed_once_and_opens() -> None:
    vault = a_vault()
    cards = PresealedCards(vault, TODAY)
    sealed = cards.find("pm_card_visa")
    assert sealed is not None and cards.find("pm_card_visa") is sealed
    assert vault.open(sealed).reveal() == VISA
    assert (sealed.last4, sealed.exp_month, sealed.exp_year) == ("4242", 11, 2034)
    assert cards.find("pm_card_nosuch") is None
    assert cards.find("pm_1") is None


def test_a_magic_token_has_the_fingerprint_of_its_number_at_each_account() -> None:
    vault = a_vault()
    cards = PresealedCards(vault, TODAY)
    for owner in ("acct_1", "acct_2", "acct_1"):
        expected = vault.fingerprint(Pan(VISA), owner)
        assert cards.fingerprint("pm_card_visa", owner) == expected
        assert cards.fingerprint("tok_visa", owner) == expected
