"""Funds become available: one transfer per merchant, currency and day (DESIGN §4.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.balances.model import AvailableDay, BalanceTransaction, day_id
from nostro.balances.store import DAYS, TRANSACTIONS
from nostro.events.emit import Origin
from nostro.kernel.clock import BusinessTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.posting import Kind, Transfer
from nostro.kernel.table import Table
from nostro.ledger import chart


def add_to_day(
    view: View, account: str, currency: str, available_on: BusinessTime, net: int
) -> tuple[list[tuple[Table[Any], Any]], bool]:
    """Add `net` to what becomes available on that day. Returns the row, and whether the day was released before."""
    identifier = day_id(account, currency, available_on)
    day = view.get(DAYS, identifier)
    if day is not None and day.released:
        return [], True
    if day is None:
        day = AvailableDay(identifier, account, currency, available_on, 0)
    return [(DAYS, msgspec.structs.replace(day, net=day.net + net))], False


class ReleaseDay(msgspec.Struct, frozen=True):
    """Moves a merchant's day from pending to available, once its time has come."""

    book: int
    seed: bytes
    origin: Origin
    currency: str
    available_on: BusinessTime

    @property
    def _day(self) -> str:
        return day_id(self.origin.account, self.currency, self.available_on)

    @property
    def _pending(self) -> str:
        return chart.pending(self.origin.account, self.currency)

    @property
    def _available(self) -> str:
        return chart.available(self.origin.account, self.currency)

    def reads(self) -> Reads:
        """The day and both accounts."""
        return Reads([(DAYS, self._day)], (self._pending, self._available))

    def decide(self, view: View) -> Decision[bool]:
        """Release it if it is due and has not been; a negative sum moves the other way."""
        day = view.get(DAYS, self._day)
        if day is None or day.released or day.available_on > view.now:
            return Decision(False)
        return Decision(
            True,
            [(DAYS, msgspec.structs.replace(day, released=True))],
            self._transfers(view, day.net),
        )

    def _transfers(self, view: View, net: int) -> list[Transfer]:
        if net == 0:
            return []
        pair = (self._pending, self._available) if net > 0 else (self._available, self._pending)
        return [
            Transfer(
                view.mint.transfer_id(), Kind.SINGLE, *pair, abs(net), self.currency, "available",
                self._day,
            )
        ]  # fmt: skip


class TopUp(msgspec.Struct, frozen=True):
    """Money announced by a bank for a merchant's balance (`bank:incoming` → `available`)."""

    book: int
    seed: bytes
    account: str
    amount: int
    currency: str
    bank: str = "sandbox"

    def reads(self) -> Reads:
        """Both accounts."""
        return Reads(
            accounts=(
                chart.incoming(self.bank, self.currency),
                chart.available(self.account, self.currency),
            )
        )

    def decide(self, view: View) -> Decision[str]:
        """One transfer and its balance transaction; returns the balance transaction's id."""
        top_up = view.mint.new("tu")
        row = BalanceTransaction(
            view.mint.new("txn"), self.account, "topup", "topup", self.amount, 0, self.currency,
            view.now, top_up, view.now,
        )  # fmt: skip
        transfer = Transfer(
            view.mint.transfer_id(), Kind.SINGLE, chart.incoming(self.bank, self.currency),
            chart.available(self.account, self.currency), self.amount, self.currency, "top_up",
            top_up,
        )  # fmt: skip
        return Decision(row.id, [(TRANSACTIONS, row)], [transfer])
