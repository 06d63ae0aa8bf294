"""Pure rules of card numbers, expiry dates and security codes.

One rule: a refusal is a value, worded as Stripe words it, and never repeats what was typed.
Whether a card exists or has money is the issuer's to say, not ours.
"""

from __future__ import annotations

from datetime import date

import msgspec

from nostro.kernel.secret import Cvc, Pan
from nostro.vault.model import CardFacts

UNKNOWN = "unknown"
SHORTEST_NUMBER, LONGEST_NUMBER = 12, 19
LONGEST_VALIDITY_YEARS = 50


class CardRefusal(msgspec.Struct, frozen=True):
    """Why a card was refused before any issuer was asked: a `card_error` of HTTP status 402."""

    code: str
    param: str
    message: str


INCORRECT_NUMBER = CardRefusal("incorrect_number", "number", "Your card number is incorrect.")
INVALID_NUMBER = CardRefusal(
    "invalid_number", "number", "The card number is not a valid credit card number."
)
INVALID_EXPIRY_MONTH = CardRefusal(
    "invalid_expiry_month", "exp_month", "Your card's expiration month is invalid."
)
INVALID_EXPIRY_YEAR = CardRefusal(
    "invalid_expiry_year", "exp_year", "Your card's expiration year is invalid."
)
INVALID_CVC = CardRefusal("invalid_cvc", "cvc", "Your card's security code is invalid.")


class _Range(msgspec.Struct, frozen=True):
    """Numbers whose first digits lie between `low` and `high`, which are equally long."""

    low: str
    high: str
    brand: str
    lengths: frozenset[int]


def _range(low: str, high: str, brand: str, *lengths: int) -> _Range:
    return _Range(low, high, brand, frozenset(lengths))


# ISO/IEC 7812 issuer ranges as the networks publish them. The first that fits decides.
_RANGES = (
    _range("4", "4", "visa", 13, 16, 19),
    _range("51", "55", "mastercard", 16),
    _range("2221", "2720", "mastercard", 16),
    _range("34", "34", "amex", 15),
    _range("37", "37", "amex", 15),
    _range("300", "305", "diners", 14, 16, 19),
    _range("3095", "3095", "diners", 14, 16, 19),
    _range("36", "36", "diners", 14, 16, 19),
    _range("38", "39", "diners", 14, 16, 19),
    _range("3528", "3589", "jcb", 16, 17, 18, 19),
    _range("6011", "6011", "discover", 16, 19),
    _range("644", "649", "discover", 16, 19),
    _range("65", "65", "discover", 16, 19),
    _range("62", "62", "unionpay", 16, 17, 18, 19),
    _range("81", "81", "unionpay", 16, 17, 18, 19),
)
_ANY_LENGTH = frozenset(range(SHORTEST_NUMBER, LONGEST_NUMBER + 1))
_CVC_LENGTHS = {"amex": (4,), UNKNOWN: (3, 4)}


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def brand(number: Pan) -> str:
    """The network of the card, as Stripe names it, or `unknown`."""
    found = _range_of(number.reveal())
    return found.brand if found else UNKNOWN


def check_number(number: Pan) -> CardRefusal | None:
    """Refuse what is not 12 to 19 digits of the brand's length with a correct check digit."""
    digits = number.reveal()
    if not (digits.isascii() and digits.isdigit()):
        return INVALID_NUMBER
    found = _range_of(digits)
    if len(digits) not in (found.lengths if found else _ANY_LENGTH):
        return INVALID_NUMBER
    return None if luhn(digits) else INCORRECT_NUMBER


def check_expiry(month: int, year: int, today: date) -> CardRefusal | None:
    """A card is good to the last day of its month. `year` has four digits (see `full_year`)."""
    if not 1 <= month <= 12:
        return INVALID_EXPIRY_MONTH
    if not today.year <= year <= today.year + LONGEST_VALIDITY_YEARS:
        return INVALID_EXPIRY_YEAR
    return INVALID_EXPIRY_MONTH if (year, month) < (today.year, today.month) else None


def full_year(year: int) -> int:
    """Two-digit years are of this century."""
    return 2000 + year if 0 <= year <= 99 else year


def check_cvc(cvc: Cvc, brand: str) -> CardRefusal | None:
    """Refuse what has not the brand's number of digits: four for amex, three for others."""
    digits = cvc.reveal()
    fits = digits.isascii() and digits.isdigit() and len(digits) in _CVC_LENGTHS.get(brand, (3,))
    return None if fits else INVALID_CVC


def check_card(
    number: Pan, month: int, year: int, cvc: Cvc | None, today: date
) -> CardRefusal | None:
    """The first refusal of the whole card, in the order number, expiry, security code."""
    return (
        check_number(number)
        or check_expiry(month, full_year(year), today)
        or (None if cvc is None else check_cvc(cvc, brand(number)))
    )


def card_facts(number: Pan, month: int, year: int) -> CardFacts:
    """What the number itself tells. Funding and country need an issuer table, and are unknown."""
    return CardFacts(brand(number), UNKNOWN, None, number.bin, number.last4, month, full_year(year))


def _range_of(digits: str) -> _Range | None:
    for candidate in _RANGES:
        if candidate.low <= digits[: len(candidate.low)] <= candidate.high:
            return candidate
    return None
