"""All balances of a book as they stood after a batch: the leaves of a snapshot's tree, sorted by account code."""

from __future__ import annotations

from typing import NamedTuple

from nostro.audit import leaves, merkle
from nostro.audit.snapshots import BalanceSnapshot, snapshot_id
from nostro.kernel.ports import Reader
from nostro.ledger.store import QUERIES


class AccountBalance(NamedTuple):
    """An account's counters and limits, as they stood."""

    account_no: int
    version: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    overdraft_max: int | None
    overcredit_max: int | None
    code: str
    currency: str

    def leaf(self, book: int) -> bytes:
        """The leaf's hash."""
        return merkle.leaf_hash(leaves.snapshot_balance(book, *self))


class Moment(NamedTuple):
    """A batch and the last transfer by then."""

    batch: int
    last_transfer: int


async def last_before(reader: Reader, book: int, at_ms: int) -> Moment | None:
    """The last moment before an instant (business time); None if the book had not begun."""
    rows = await reader.fetch(QUERIES["last_batch_before"], book, at_ms)
    return Moment(*rows[0]) if rows else None


async def balances_as_of(reader: Reader, book: int, moment: Moment) -> list[AccountBalance]:
    """Every account that was there, by code in byte order."""
    rows = await reader.fetch(QUERIES["balances_as_of"], book, moment.last_transfer, moment.batch)
    return [AccountBalance(*row) for row in rows]


async def take(reader: Reader, book: int, moment: Moment, day: str) -> BalanceSnapshot:
    """The snapshot of a moment, to be written down."""
    balances = await balances_as_of(reader, book, moment)
    root = merkle.root([balance.leaf(book) for balance in balances])
    return BalanceSnapshot(snapshot_id(moment.batch), day, *moment, len(balances), root)
