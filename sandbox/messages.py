"""Requests as they arrive: the JSON bodies of the protocol, checked while they are parsed.

Amounts are integer minor units of a lowercase ISO 4217 currency; times are Unix milliseconds.
"""

from typing import Annotated

from msgspec import Meta, Struct

Reference = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:\-]+\Z")]
Amount = Annotated[int, Meta(ge=1, le=999_999_999_999)]
AmountOrZero = Annotated[int, Meta(ge=0, le=999_999_999_999)]
Currency = Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")]
CardNumber = Annotated[str, Meta(pattern=r"^[0-9]{12,19}\Z")]
Month = Annotated[int, Meta(ge=1, le=12)]
Year = Annotated[int, Meta(ge=0, le=9999)]
Cvc = Annotated[str, Meta(pattern=r"^[0-9]{3,4}\Z")]
SendBy = int | None


class Card(Struct):
    """Card data; the number and the CVC never leave this object for the book, a log or an error."""

    number: CardNumber
    exp_month: Month
    exp_year: Year
    cvc: Cvc | None = None

    def __repr__(self) -> str:
        """Show nothing: a card in a traceback must not show its number."""
        return "Card(…)"


class Address(Struct):
    """Billing address; only its presence matters to the issuer's checks, and none of it is kept."""

    line1: str | None = None
    postal_code: str | None = None


class Authorize(Struct):
    """Authorize an amount; with ``capture`` it is a sale: authorized and captured in one message.

    An ``amount`` of 0 verifies the card. ``authenticated`` says the cardholder passed 3-D Secure.
    """

    reference: Reference
    amount: AmountOrZero
    currency: Currency
    card: Card
    capture: bool
    merchant: Reference
    address: Address | None = None
    authenticated: bool = False
    send_by: SendBy = None


class Capture(Struct):
    """Capture a part or all of an authorization; ``final`` releases what is left of it."""

    reference: Reference
    original: Reference
    amount: Amount
    currency: Currency
    final: bool
    send_by: SendBy = None


class Void(Struct):
    """Release an authorization of which nothing was captured."""

    reference: Reference
    original: Reference
    send_by: SendBy = None


class Refund(Struct):
    """Give back a part or all of what was captured under the authorization or sale ``original``."""

    reference: Reference
    original: Reference
    amount: Amount
    currency: Currency
    send_by: SendBy = None


class Cancel(Struct):
    """Undo whatever happened under ``reference``, and refuse it if it arrives later."""

    reference: Reference


class Inquire(Struct):
    """Ask what became of ``reference``."""

    reference: Reference


Request = Authorize | Capture | Void | Refund | Cancel | Inquire
