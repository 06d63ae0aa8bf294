"""Rows as Stripe's objects, at the newest version of its API.

Older versions are made from these by `api.versions`.

One rule: pure. A body is made of its row, and of the arguments that say what a row cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from nostro.api import snapshots
from nostro.api.render import event as events
from nostro.api.render.account import account
from nostro.api.render.balance import balance, balance_transaction
from nostro.api.render.charge import charge
from nostro.api.render.customer import customer
from nostro.api.render.lists import deleted, list_object
from nostro.api.render.payment_intent import payment_error, payment_intent
from nostro.api.render.payment_method import payment_method
from nostro.api.render.refund import refund
from nostro.api.render.webhook_endpoint import webhook_endpoint
from nostro.balances.model import BalanceTransaction
from nostro.customers.model import Customer
from nostro.events.model import Endpoint, Event
from nostro.kernel.clock import BusinessTime
from nostro.payment_methods.model import PaymentMethod
from nostro.payments.model import Charge, Intent
from nostro.refunds.model import Refund

__all__ = [
    "Body",
    "account",
    "balance",
    "balance_transaction",
    "charge",
    "customer",
    "deleted",
    "encode",
    "event",
    "list_object",
    "payment_error",
    "payment_intent",
    "payment_method",
    "refund",
    "render",
    "webhook_endpoint",
]

Body = dict[str, Any]
encode = msgspec.json.Encoder().encode


def render(row: snapshots.Row, now: BusinessTime | None = None) -> Body:
    """A row as its object.

    `now` is needed where balance transactions are: their status depends on it.

    An event shows no api_version and no pending webhooks; call `event` for one that does.
    """
    if isinstance(row, BalanceTransaction):
        if now is None:
            raise ValueError("the status of a balance transaction depends on the time")
        return balance_transaction(row, now)
    if isinstance(row, Event):
        return event(row, now=now)
    return _RENDERERS[type(row)](row)


def event(
    row: Event,
    api_version: str | None = None,
    pending_webhooks: int = 0,
    now: BusinessTime | None = None,
) -> Body:
    """An event.

    `api_version` is only written on it; `versions.adapt` makes the object inside follow it.
    """
    shown = snapshots.decode(row.snapshot)
    at = row.created_ms if now is None else now
    data_object = render(shown, at)
    previous = None
    if row.previous is not None:
        before, others = events.row_before(shown, row.previous)
        previous = {**events.changed(render(before, at), data_object), **others}
    return events.event(row, data_object, previous, api_version, pending_webhooks)


_RENDERERS: dict[type, Callable[[Any], Body]] = {
    Intent: payment_intent,
    Charge: charge,
    Refund: refund,
    PaymentMethod: payment_method,
    Customer: customer,
    Endpoint: webhook_endpoint,
}
