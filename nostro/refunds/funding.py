"""Where a refund takes its money from: what is still pending of its charge's day, or what is available.

The one rule: a refund that the balance does not cover is not sent. It waits, without a hold.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.balances.commands import add_to_day
from nostro.balances.model import day_id
from nostro.balances.store import DAYS
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Reads, View
from nostro.kernel.posting import Transfer
from nostro.kernel.table import Table
from nostro.ledger import chart
from nostro.payments.model import Charge
from nostro.payments.store import CHARGES
from nostro.refunds import postings
from nostro.refunds.machine import REFUND, RefundEvent
from nostro.refunds.model import Refund

Rows = list[tuple[Table[Any], Any]]


class Dispatch(msgspec.Struct, frozen=True):
    """Who sends a refund and until when, and when it is tried again if it must wait (system time)."""

    instance: str
    send_by: SystemTime
    lease_until: SystemTime
    retry_at: SystemTime
    key: str | None = None


class Funded(msgspec.Struct, frozen=True):
    """A refund with its hold, ready to be sent, and what reserving the money changed."""

    refund: Refund
    rows: Rows
    hold: Transfer


def reads_of(charge: Charge) -> Reads:
    """The charge, the day it becomes available, and the accounts that a refund of it may touch."""
    accounts = postings.accounts_of(charge.account, charge.acquirer, charge.currency)
    rows: Rows = [(CHARGES, charge.id)]
    if charge.available_on is not None:
        rows.append((DAYS, day_id(charge.account, charge.currency, charge.available_on)))
    return Reads(rows, accounts)


def available_on(charge: Charge) -> BusinessTime:
    """When the money of a captured charge becomes available."""
    assert charge.available_on is not None, "a captured charge has its day"
    return charge.available_on


def fund(view: View, charge: Charge, refund: Refund, dispatch: Dispatch) -> Funded | None:
    """Reserve the money and count the first send; None if the balance does not cover it now."""
    from_pending = _source(view, charge, refund.amount)
    if from_pending is None:
        return None
    refund = replace(refund, from_pending=from_pending)
    hold = postings.hold(view.mint, refund)
    sending = replace(
        refund,
        state=REFUND.step(refund.state, RefundEvent.FUNDED),
        hold=hold.id,
        sends=1,
        holder=dispatch.instance,
        send_by=dispatch.send_by,
        lease_until=dispatch.lease_until,
        first_sent=view.system_now,
    )
    rows = _taken_from_day(view, charge, refund.amount) if from_pending else []
    return Funded(sending, rows, hold)


def _source(view: View, charge: Charge, amount: int) -> bool | None:
    """Whether it comes from the pending balance; None if no balance covers it."""
    pending = view.balance(chart.pending(charge.account, charge.currency)).free
    available = view.balance(chart.available(charge.account, charge.currency)).free
    still_pending = pending >= amount and not _is_released(view, charge)
    if still_pending and available_on(charge) > view.now:
        return True
    if available >= amount:
        return False
    return True if still_pending else None  # its day has come and is about to be released


def _is_released(view: View, charge: Charge) -> bool:
    day = view.get(DAYS, day_id(charge.account, charge.currency, available_on(charge)))
    return day is None or day.released


def _taken_from_day(view: View, charge: Charge, amount: int) -> Rows:
    """What is held for the refund will not become available, so its day releases that much less."""
    rows, released = add_to_day(
        view, charge.account, charge.currency, available_on(charge), -amount
    )
    assert not released, "a released day has nothing pending to take from"
    return rows
