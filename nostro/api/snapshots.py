"""Snapshots: rows as JSON, tagged with their kind, as events and saved answers keep them."""

from __future__ import annotations

import msgspec

from nostro.balances.model import BalanceTransaction
from nostro.customers.model import Customer
from nostro.events.model import Endpoint, Event
from nostro.payment_methods.model import PaymentMethod
from nostro.payments.model import Charge, Intent
from nostro.refunds.model import Refund

Row = Intent | Charge | Refund | PaymentMethod | Customer | BalanceTransaction | Event | Endpoint

_decoder = msgspec.json.Decoder(Row)
_list_decoder = msgspec.json.Decoder(list[Row])


def decode(text: str | bytes) -> Row:
    """The row of a snapshot. msgspec.ValidationError if it is not one of ours."""
    row: Row = _decoder.decode(text)
    return row


def decode_list(text: str | bytes) -> list[Row]:
    """The rows of a list's snapshot."""
    rows: list[Row] = _list_decoder.decode(text)
    return rows
