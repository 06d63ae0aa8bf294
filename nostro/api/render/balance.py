"""The balance object and its lines, the balance transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.api.amounts import to_wire
from nostro.balances.model import BalanceTransaction
from nostro.kernel.clock import BusinessTime


def balance_transaction(row: BalanceTransaction, now: BusinessTime) -> dict[str, Any]:
    """A line of a merchant's statement; `available` once its day has come."""
    currency = row.currency
    return {
        "id": row.id,
        "object": "balance_transaction",
        "amount": to_wire(row.amount, currency),
        "available_on": row.available_on // 1000,
        "balance_type": "payments",
        "created": row.created_ms // 1000,
        "currency": currency,
        "description": row.description,
        "exchange_rate": None,
        "fee": to_wire(row.fee, currency),
        "fee_details": _fee_details(row),
        "net": to_wire(row.net, currency),
        "reporting_category": row.reporting_category,
        "source": row.source,
        "status": "available" if row.available_on <= now else "pending",
        "type": row.type,
    }


def _fee_details(row: BalanceTransaction) -> list[dict[str, Any]]:
    """One fee: what the platform kept. `stripe_fee` is the word the wire has for it."""
    if row.fee == 0:
        return []
    return [
        {
            "amount": to_wire(row.fee, row.currency),
            "application": None,
            "currency": row.currency,
            "description": "Processing fees",
            "type": "stripe_fee",
        }
    ]


def balance(available: Mapping[str, int], pending: Mapping[str, int], live: bool) -> dict[str, Any]:
    """What a merchant is owed, per currency in minor units.

    A currency missing on one side is 0 there.
    """
    currencies = sorted(available.keys() | pending.keys())
    return {
        "object": "balance",
        "available": [_funds(available.get(currency, 0), currency) for currency in currencies],
        "livemode": live,
        "pending": [_funds(pending.get(currency, 0), currency) for currency in currencies],
    }


def _funds(amount: int, currency: str) -> dict[str, Any]:
    wire = to_wire(amount, currency)
    return {"amount": wire, "currency": currency, "source_types": {"card": wire}}
