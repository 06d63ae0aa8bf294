"""The payment_method object: a card as merchants see it."""

from __future__ import annotations

from typing import Any

from nostro.api.render.shipping import billing_details
from nostro.payment_methods.model import CardFacts, Checks, PaymentMethod

# How `display_brand` names the brands that `brand` names otherwise.
_DISPLAYED = {
    "amex": "american_express",
    "diners": "diners_club",
    "unionpay": "union_pay",
    "eftpos_au": "eftpos_australia",
    "unknown": "other",
}


def payment_method(row: PaymentMethod) -> dict[str, Any]:
    """A payment method of type card."""
    return {
        "id": row.id,
        "object": "payment_method",
        "allow_redisplay": row.allow_redisplay,
        "billing_details": billing_details(row.billing),
        "card": _card(row.card, row.checks),
        "created": row.created_ms // 1000,
        "customer": row.customer,
        "customer_account": None,
        "livemode": row.live,
        "metadata": row.metadata,
        "type": "card",
    }


def _card(card: CardFacts, checks: Checks) -> dict[str, Any]:
    brand = card.brand
    return {
        "brand": brand,
        "checks": card_checks(checks),
        "country": card.country,
        "display_brand": _DISPLAYED.get(brand, brand),
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": None,
        "three_d_secure_usage": None,
        "wallet": None,
    }


def card_checks(checks: Checks) -> dict[str, Any]:
    """What the issuer said of the data supplied."""
    return {
        "address_line1_check": checks.address_line1_check,
        "address_postal_code_check": checks.address_postal_code_check,
        "cvc_check": checks.cvc_check,
    }
