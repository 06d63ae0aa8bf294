"""Rows for tests of the API: a plain one of each kind, and whatever is said to be different."""

from __future__ import annotations

from typing import Any

from nostro.balances.model import BalanceTransaction
from nostro.customers.model import Customer
from nostro.events.model import Endpoint, Event
from nostro.kernel.answer import snapshot
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.payment_methods.model import BillingDetails, CardFacts, Checks, PaymentMethod
from nostro.payments.machine import IntentStatus
from nostro.payments.model import Charge, Intent, Terms
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund

NOW = BusinessTime(1_780_000_000_123)
CARD = CardFacts("visa", "credit", "US", "4242", 12, 2034, "fp_1")


def an_intent(**other: Any) -> Intent:
    """A payment of 10.99 USD that waits for a payment method."""
    values: dict[str, Any] = {
        "id": "pi_1", "account": "acct_1", "status": IntentStatus.REQUIRES_PAYMENT_METHOD,
        "amount": 1099, "currency": "usd", "capture_method": "automatic_async",
        "client_secret": "pi_1_secret_x", "created_ms": NOW, "live": False, "terms": Terms(),
    }  # fmt: skip
    return Intent(**(values | other))


def a_charge(**other: Any) -> Charge:
    """A captured charge of 10.99 USD."""
    values: dict[str, Any] = {
        "id": "ch_1", "account": "acct_1", "intent": "pi_1", "status": "succeeded", "amount": 1099,
        "currency": "usd", "acquirer": "sandbox", "reference": "at_1", "created_ms": NOW,
        "live": False, "payment_method": "pm_1", "card": CARD, "checks": Checks(),
        "billing": BillingDetails(), "terms": Terms(), "captured": True, "amount_captured": 1099,
        "balance_transaction": "txn_1", "authorization_code": "A1B2C3",
    }  # fmt: skip
    return Charge(**(values | other))


def a_refund(**other: Any) -> Refund:
    """A refund of 5.00 USD that succeeded."""
    values: dict[str, Any] = {
        "id": "re_1", "account": "acct_1", "charge": "ch_1", "intent": "pi_1",
        "state": RefundState.SUCCEEDED, "amount": 500, "currency": "usd", "acquirer": "sandbox",
        "original": "at_1", "created_ms": NOW, "live": False, "lease_until": SystemTime(0),
        "send_by": SystemTime(0), "holder": "", "balance_transaction": "txn_2",
    }  # fmt: skip
    return Refund(**(values | other))


def a_method(**other: Any) -> PaymentMethod:
    """A Visa card that belongs to no customer."""
    values: dict[str, Any] = {
        "id": "pm_1", "account": "acct_1", "card": CARD, "card_token": "card_1",
        "created_ms": NOW, "live": False,
    }  # fmt: skip
    return PaymentMethod(**(values | other))


def a_customer(**other: Any) -> Customer:
    """A customer of whom nothing is known."""
    values: dict[str, Any] = {"id": "cus_1", "account": "acct_1", "created_ms": NOW, "live": False}
    return Customer(**(values | other))


def a_transaction(**other: Any) -> BalanceTransaction:
    """What a charge of 10.99 USD brought."""
    values: dict[str, Any] = {
        "id": "txn_1", "account": "acct_1", "type": "charge", "reporting_category": "charge",
        "amount": 1099, "fee": 62, "currency": "usd", "available_on": BusinessTime(NOW + 1000),
        "source": "ch_1", "created_ms": NOW,
    }  # fmt: skip
    return BalanceTransaction(**(values | other))


def an_endpoint(**other: Any) -> Endpoint:
    """An endpoint that hears of everything."""
    values: dict[str, Any] = {
        "id": "we_1", "account": "acct_1", "url": "https://shop.example/hook",
        "enabled_events": ("*",), "created_ms": NOW, "live": False, "secret": "sealed",
    }  # fmt: skip
    return Endpoint(**(values | other))


def an_event(about: Any, **other: Any) -> Event:
    """An event about a row."""
    values: dict[str, Any] = {
        "id": "evt_1", "account": "acct_1", "type": "payment_intent.created", "created_ms": NOW,
        "live": False, "snapshot": snapshot(about),
    }  # fmt: skip
    return Event(**(values | other))
