"""All balances of a book as they stood after a batch: the leaves of a snapshot's tree, sorted by account code."""

from __future__ import annotations

from typing import NamedTuple

from nostro.audit import leaves, merkle, snapshots
from nostro.audit.snapshots import BalanceSnapshot, snapshot_id
from nostro.kernel.clock import DAY, MINUTE
from nostro.kernel.ports import Reader
from nostro.ledger.days import date_of
from nostro.ledger.store import QUERIES

GRACE_MS = 1 * MINUTE  # until no process whose clock is behind writes into a day that is over


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


class LastDay(NamedTuple):
    """The end of the last day (UTC) that is over, and the snapshot that has all that was there by then, if one is kept."""

    day: str
    moment: Moment
    kept: BalanceSnapshot | None


async def last_day(reader: Reader, book: int, now_ms: int) -> LastDay | None:
    """The day that a snapshot can be taken of now (business time); None if the book had not begun by its end.

    Nothing happened since the newest snapshot if the only batch after it is the one that wrote it down.
    """
    today = (now_ms - GRACE_MS) // DAY
    moment = await last_before(reader, book, today * DAY)
    if moment is None:
        return None
    kept = await snapshots.newest(reader, book)
    if kept is not None and kept.as_of_batch < moment.batch:
        own = Moment(kept.as_of_batch + 1, kept.last_transfer)
        kept = kept if own == moment else None
    return LastDay(date_of(today - 1), moment, kept)


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
