"""Test cards: which number makes the issuer say what.

The numbers are the ones every integration already knows from Stripe's test mode. A number that is
not listed is approved if its check digit is right.
"""

from dataclasses import dataclass
from enum import StrEnum


class RefundManner(StrEnum):
    """How refunds to a card behave; ``None`` on a card means they are simply approved."""

    PENDING = "pending"  # answered pending, approved after the delay
    FAILS_LATER = "fails_later"  # answered approved, failed after the delay


class Check(StrEnum):
    """The issuer's verdict on one piece of card-holder data."""

    PASS = "pass"
    FAIL = "fail"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Decline:
    """A refusal by the issuer: ISO 8583 response code (field 39) and Stripe's word for it."""

    response_code: str
    decline_code: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the issuer does with one card."""

    decline: Decline | None = None
    needs_authentication: bool = False
    refund: RefundManner | None = None
    cvc_check: Check = Check.PASS
    line1_check: Check = Check.PASS
    postal_code_check: Check = Check.PASS


GENERIC = Decline("05", "generic_decline")
NO_FUNDS = Decline("51", "insufficient_funds")
EXPIRED = Decline("54", "expired_card")
MALFUNCTION = Decline("96", "processing_error")
WRONG_NUMBER = Decline("14", "incorrect_number")
NOT_AUTHENTICATED = Decline("1A", "authentication_required")

APPROVES = Behaviour()
WRONG_NUMBER_BEHAVIOUR = Behaviour(decline=WRONG_NUMBER)

_APPROVING = (
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "5200828282828210",
    "5105105105105100",
    "378282246310005",
    "6011111111111117",
    "3056930009020004",
    "3566002020360505",
    "6200000000000005",
)

BEHAVIOURS: dict[str, Behaviour] = {number: APPROVES for number in _APPROVING} | {
    "4000000000000002": Behaviour(decline=GENERIC),
    "4000000000000341": Behaviour(decline=GENERIC),
    "4000000000009995": Behaviour(decline=NO_FUNDS),
    "4000000000009987": Behaviour(decline=Decline("41", "lost_card")),
    "4000000000009979": Behaviour(decline=Decline("43", "stolen_card")),
    "4000000000000069": Behaviour(decline=EXPIRED),
    "4000000000000127": Behaviour(decline=Decline("N7", "incorrect_cvc"), cvc_check=Check.FAIL),
    "4000000000000119": Behaviour(decline=MALFUNCTION),
    "4000000000006975": Behaviour(decline=Decline("61", "card_velocity_exceeded")),
    "4100000000000019": Behaviour(decline=Decline("59", "fraudulent")),
    "4000000000007726": Behaviour(refund=RefundManner.PENDING),
    "4000000000005126": Behaviour(refund=RefundManner.FAILS_LATER),
    "4000000000000101": Behaviour(cvc_check=Check.FAIL),
    "4000000000000036": Behaviour(postal_code_check=Check.FAIL),
    "4000000000000028": Behaviour(line1_check=Check.FAIL),
    "4000000000000010": Behaviour(line1_check=Check.FAIL, postal_code_check=Check.FAIL),
    "4000000000000044": Behaviour(line1_check=Check.UNCHECKED, postal_code_check=Check.UNCHECKED),
    "4000002500003155": Behaviour(needs_authentication=True),
    "4000002760003184": Behaviour(needs_authentication=True),
    "4000000000003220": Behaviour(needs_authentication=True),
    "4000008260003178": Behaviour(needs_authentication=True, decline=NO_FUNDS),
    "4000008400001629": Behaviour(needs_authentication=True, decline=GENERIC),
    "4000008400001280": Behaviour(needs_authentication=True, decline=MALFUNCTION),
}

_DOUBLED = bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])


def behaviour_of(number: str) -> Behaviour:
    """Look a card number up; unlisted numbers are judged by their check digit alone."""
    listed = BEHAVIOURS.get(number)
    if listed is not None:
        return listed
    return APPROVES if has_valid_check_digit(number) else WRONG_NUMBER_BEHAVIOUR


def has_valid_check_digit(number: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1, annex B) of a string of decimal digits."""
    digits = [ord(digit) - 48 for digit in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0
