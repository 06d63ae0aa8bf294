"""The account object: the merchant as the API shows it to itself."""

from __future__ import annotations

from typing import Any, Protocol

from nostro.kernel.clock import BusinessTime, SystemTime


class Account(Protocol):
    """What is read of a merchant's account."""

    @property
    def account(self) -> str:
        """Its id."""

    @property
    def name(self) -> str | None:
        """What its business is called."""

    @property
    def email(self) -> str | None:
        """How to reach it."""

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""

    @property
    def default_currency(self) -> str:
        """ISO 4217, lower case."""

    @property
    def created_ms(self) -> BusinessTime | SystemTime:
        """When it was made."""


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


def _profile(name: str | None) -> dict[str, Any]:
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
