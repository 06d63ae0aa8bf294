"""Addresses and shipping on the wire.

A name that was not given is left out, as its type there has no null.
"""

from __future__ import annotations

from typing import Any

from nostro.customers import model as customers
from nostro.payment_methods.model import Address, BillingDetails
from nostro.payments import model as payments


def address(row: Address) -> dict[str, Any]:
    """A postal address."""
    return {
        "city": row.city,
        "country": row.country,
        "line1": row.line1,
        "line2": row.line2,
        "postal_code": row.postal_code,
        "state": row.state,
    }


def billing_details(row: BillingDetails) -> dict[str, Any]:
    """Who the card belongs to."""
    return {
        "address": address(row.address),
        "email": row.email,
        "name": row.name,
        "phone": row.phone,
        "tax_id": row.tax_id,
    }


def payment_shipping(row: payments.Shipping | None) -> dict[str, Any] | None:
    """Where the goods of a payment go."""
    if row is None:
        return None
    body: dict[str, Any] = {"address": address(row.address), "carrier": row.carrier}
    if row.name is not None:
        body["name"] = row.name
    body["phone"] = row.phone
    body["tracking_number"] = row.tracking_number
    return body


def customer_shipping(row: customers.Shipping | None) -> dict[str, Any] | None:
    """Where the goods of a customer go."""
    if row is None:
        return None
    body: dict[str, Any] = {"address": address(row.address)}
    if row.name is not None:
        body["name"] = row.name
    body["phone"] = row.phone
    return body
