"""Amounts as Stripe's API writes them, and as we keep them: ISO 4217 minor units.

Only `api` knows both. They are the same number for all currencies but three: Stripe writes UGX and
ISK with two decimals that ISO 4217 does not have (500 is 5 ISK), and MGA without the two that it
has. Amounts of three-decimal currencies end in 0.
Source: Stripe's documentation of supported currencies; ISO 4217 as the package `iso4217` has it.
"""

from __future__ import annotations

from nostro.api.errors import ApiError, invalid_request
from nostro.kernel.money import exponent

LARGEST = 99_999_999  # eight digits, in Stripe's units

# Stripe's decimals where they differ from ISO 4217's.
_DECIMALS = {"ugx": 2, "isk": 2, "mga": 0}
# (multiply, divide) takes our minor units to Stripe's units.
_SCALE = {"ugx": (100, 1), "isk": (100, 1), "mga": (1, 100)}
# Currencies whose amount, in Stripe's units, is a whole number of this step.
_STEP = {
    "ugx": 100, "isk": 100,
    "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10,
}  # fmt: skip
# The least that can be charged, in Stripe's units. Other currencies have no published minimum here.
_SMALLEST = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_SYMBOLS = {
    "usd": "$", "aud": "$", "cad": "$", "hkd": "$", "mxn": "$", "nzd": "$", "sgd": "$",
    "brl": "R$", "eur": "€", "gbp": "£", "jpy": "¥", "inr": "₹", "pln": "zł", "thb": "฿",
    "dkk": "kr", "nok": "kr", "sek": "kr", "isk": "kr", "czk": "Kč", "huf": "Ft", "krw": "₩",
}  # fmt: skip


def to_wire(amount: int, currency: str) -> int:
    """Our minor units as Stripe's API writes them."""
    scale = _SCALE.get(currency)
    return amount if scale is None else amount * scale[0] // scale[1]


def from_wire(amount: int, currency: str, param: str = "amount") -> int:
    """Stripe's amount as our minor units. ApiError 400 for one that is not whole in them."""
    step = _STEP.get(currency, 1)
    if amount % step:
        raise _not_whole(currency, step, param)
    multiply, divide = _SCALE.get(currency, (1, 1))
    return amount * divide // multiply


def smallest(currency: str) -> int:
    """The least that can be charged, in our minor units."""
    multiply, divide = _SCALE.get(currency, (1, 1))
    least = max(_SMALLEST.get(currency, 1), _STEP.get(currency, 1))
    return -(-least * divide // multiply)


def check_charge(amount: int, currency: str, param: str = "amount") -> None:
    """ApiError 400 unless so many of our minor units can be charged in one payment."""
    if amount < smallest(currency):
        words = f"Amount must be at least {written(smallest(currency), currency)} {currency}"
        raise invalid_request(words, code="amount_too_small", param=param)
    if to_wire(amount, currency) > LARGEST:
        words = f"Amount must be no more than {written(largest(currency), currency)}"
        raise invalid_request(words, code="amount_too_large", param=param)


def largest(currency: str) -> int:
    """The most that can be charged in one payment, in our minor units."""
    multiply, divide = _SCALE.get(currency, (1, 1))
    return LARGEST // multiply * divide


def written(amount: int, currency: str) -> str:
    """Our minor units as people write them: `$999,999.99`, `¥50`."""
    places = exponent(currency)
    whole, part = divmod(amount, 10**places)
    decimals = f".{part:0{places}d}" if places else ""
    return f"{_SYMBOLS.get(currency, '')}{whole:,}{decimals}"


def stripe_decimals(currency: str) -> int:
    """Decimals of the currency in Stripe's amounts."""
    return _DECIMALS.get(currency, exponent(currency))


def _not_whole(currency: str, step: int, param: str) -> ApiError:
    words = f"Invalid amount: amounts in {currency} must end in {str(step)[1:]}."
    return invalid_request(words, code="parameter_invalid_integer", param=param)
