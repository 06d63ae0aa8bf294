"""The account object: the merchant as the API shows it to itself."""

from __future__ import annotations

from typing import Any

from nostro.merchants.model import Account


def account(row: Account) -> dict[str, Any]:
    """An account that may charge and be paid out. Its id is the `account` of the row."""
    return {
        "id": row.account,
        "object": "account",
        "business_profile": _profile(row.name),
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": row.country,
        "created": row.created_ms // 1000,
        "default_currency": row.default_currency,
        "details_submitted": True,
        "email": row.email,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }


def _profile(name: str) -> dict[str, Any]:
    return {
        "mcc": None,
        "minority_owned_business_designation": None,
        "name": name,
        "product_description": None,
        "support_address": None,
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    }
