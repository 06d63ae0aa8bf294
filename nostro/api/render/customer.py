"""The customer object, and what is left of one that was deleted."""

from __future__ import annotations

from typing import Any

from nostro.api.render.lists import deleted
from nostro.api.render.shipping import address, customer_shipping
from nostro.customers.model import Customer


def customer(row: Customer) -> dict[str, Any]:
    """A customer; one that was deleted shows its id and that."""
    if row.deleted:
        return deleted(row.id, "customer")
    return {
        "id": row.id,
        "object": "customer",
        "address": None if row.address is None else address(row.address),
        "balance": 0,
        "created": row.created_ms // 1000,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": row.description,
        "discount": None,
        "email": row.email,
        "invoice_prefix": row.invoice_prefix or None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": row.default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": row.live,
        "metadata": row.metadata,
        "name": row.name,
        "next_invoice_sequence": 1,
        "phone": row.phone,
        "preferred_locales": row.preferred_locales,
        "shipping": customer_shipping(row.shipping),
        "tax_exempt": row.tax_exempt,
        "test_clock": None,
    }
