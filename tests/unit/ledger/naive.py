"""A second ledger, written from DESIGN §4 alone and as plainly as possible: it judges the fold.

It keeps no counters. A balance is always summed from all movements that were ever accepted, and a chain is tried on
a copy of everything.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from nostro.kernel.posting import Kind, Transfer

Movement = tuple[str, str, int, int]  # debit, credit, to posted, to pending


class NaiveLedger:
    """Accounts by code, with a currency each; those in `floors` may never owe."""

    def __init__(self, floors: frozenset[str] = frozenset()) -> None:
        self.floors = floors
        self.currencies: dict[str, str] = {}
        self.movements: list[Movement] = []
        self.reserved: dict[str, Transfer] = {}

    def post_chain(self, transfers: Sequence[Transfer]) -> bool:
        """Whether all were accepted; if not, nothing has changed."""
        tried = copy.deepcopy(self)
        for transfer in transfers:
            if not tried._post(transfer):
                return False
        self.__dict__.update(tried.__dict__)
        return True

    def counters(self, code: str) -> tuple[int, int, int, int, int]:
        """Posted debits and credits, pending debits and credits, and how many entries."""
        debits = [found for found in self.movements if found[0] == code]
        credits = [found for found in self.movements if found[1] == code]
        return (
            sum(found[2] for found in debits), sum(found[2] for found in credits),
            sum(found[3] for found in debits), sum(found[3] for found in credits),
            len(debits) + len(credits),
        )  # fmt: skip

    def remaining(self, hold: str) -> int:
        """What a hold still reserves: its amount, less all that was taken from it."""
        return self.reserved[hold].amount - self.taken.get(hold, 0)

    @property
    def taken(self) -> dict[str, int]:
        found: dict[str, int] = self.__dict__.setdefault("_taken", {})
        return found

    def _post(self, transfer: Transfer) -> bool:
        currencies = {
            self.currencies.setdefault(code, transfer.currency)
            for code in (transfer.debit, transfer.credit)
        }
        if transfer.amount <= 0 or transfer.debit == transfer.credit:
            return False
        if currencies != {transfer.currency}:
            return False
        if transfer.kind is Kind.SINGLE:
            return self._move(transfer, transfer.amount, 0)
        if transfer.kind is Kind.HOLD:
            accepted = self._move(transfer, 0, transfer.amount)
            self.reserved[transfer.id] = transfer
            return accepted
        return self._on_hold(transfer)

    def _on_hold(self, transfer: Transfer) -> bool:
        hold = self.reserved.get(transfer.hold or "")
        if hold is None or (hold.debit, hold.credit) != (transfer.debit, transfer.credit):
            return False
        remaining = self.remaining(hold.id)
        if transfer.amount > remaining:
            return False
        if transfer.kind is Kind.CAPTURE:
            released = remaining if transfer.final else transfer.amount
            posted = transfer.amount
        elif transfer.amount == remaining:
            released, posted = remaining, 0
        else:
            return False
        self.taken[hold.id] = self.taken.get(hold.id, 0) + released
        return self._move(transfer, posted, -released)

    def _move(self, transfer: Transfer, posted: int, pending: int) -> bool:
        self.movements.append((transfer.debit, transfer.credit, posted, pending))
        dp, cp, dq, _, _ = self.counters(transfer.debit)
        return transfer.debit not in self.floors or dp + dq <= cp
