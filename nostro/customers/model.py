"""Customers of a merchant."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import BusinessTime
from nostro.payment_methods.model import Address


class Shipping(msgspec.Struct, frozen=True):
    """Where a customer's goods go."""

    address: Address = Address()
    name: str | None = None
    phone: str | None = None


class Customer(msgspec.Struct, frozen=True, tag="customer", tag_field="object"):
    """A customer; a deleted one keeps its row and says so."""

    id: str
    account: str
    created_ms: BusinessTime
    live: bool
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    address: Address | None = None
    shipping: Shipping | None = None
    metadata: dict[str, str] = {}
    default_payment_method: str | None = None
    preferred_locales: tuple[str, ...] = ()
    tax_exempt: str = "none"
    invoice_prefix: str = ""
    deleted: bool = False
