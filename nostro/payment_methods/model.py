"""Payment methods: a card as merchants may see it. The number itself is in the vault, under `card_token`."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime


class Address(msgspec.Struct, frozen=True):
    """A postal address."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class BillingDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who the card belongs to."""

    address: Address = Address()
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_id: str | None = None


class CardFacts(msgspec.Struct, frozen=True):
    """What may be shown of a card."""

    brand: str
    funding: str
    country: str | None
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str


class Checks(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the issuer said of the data supplied: pass, fail, unavailable, unchecked, or None if not supplied."""

    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    cvc_check: str | None = None


class PaymentMethod(msgspec.Struct, frozen=True, tag="payment_method", tag_field="object"):
    """A card of one account, perhaps attached to a customer."""

    id: str
    account: str
    card: CardFacts
    card_token: str
    created_ms: BusinessTime
    live: bool
    billing: BillingDetails = BillingDetails()
    checks: Checks = Checks()
    metadata: dict[str, str] = {}
    customer: str | None = None
    allow_redisplay: str = "unspecified"
