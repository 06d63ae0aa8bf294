"""Turns what the fold accepted into statements' parameters, and rows into what the fold starts from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

from nostro.kernel.posting import Hold, Kind, Limits, Transfer
from nostro.kernel.queries import load
from nostro.kernel.table import Table, bool_array, bytes_array, int_array, text_array
from nostro.ledger.days import date_of
from nostro.ledger.fold import Account, Fold, Known, LimitsChanged, Posted
from nostro.ledger.model import Metadata
from nostro.ledger.refusals import Refusal
from nostro.ledger.sealed import Sealed

QUERIES = load("nostro.ledger")
METADATA = Table("metadata", Metadata, QUERIES, key="transfer")
Write = tuple[LiteralString, tuple[Any, ...]]


def accounts_from(rows: Sequence[tuple[Any, ...]]) -> dict[str, Account]:
    """Accounts by code, from the rows of `read_accounts`."""
    return {
        row[0]: Account(row[0], row[1], row[2], Limits(row[3], row[4]), row[5:10]) for row in rows
    }


def holds_from(rows: Sequence[tuple[Any, ...]]) -> dict[str, Hold]:
    """Holds by id, from the rows of `read_holds`."""
    return {row[0]: Hold(*row) for row in rows}


def known_from(rows: Sequence[tuple[Any, ...]]) -> dict[str, Known]:
    """What became of transfers, by id, from the rows of `read_known`."""
    return {row[0]: _known(*row) for row in rows}


def _known(*row: Any) -> Known:
    (identifier, kind, debit, credit, amount, currency, code, subject, hold, final, day, expires,
     metadata, had_metadata, reason) = row  # fmt: skip
    transfer = Transfer(
        identifier, Kind(kind), debit, credit, amount, currency, code, subject, hold, final, day,
        expires, metadata,
    )  # fmt: skip
    erased = had_metadata and metadata is None
    return Known(transfer, Refusal(reason) if reason else None, erased)


def writes(sealed: Sealed, holds_read: frozenset[str]) -> Iterator[Write]:
    """Statements with parameters that make the fold of a batch durable, in the order they have to run."""
    fold, book = sealed.fold, sealed.book
    if not fold.is_empty:
        yield from _account_writes(sealed)
    if fold.posted:
        transfers, entries = _transfer_arrays(sealed), _entry_arrays(fold.posted)
        yield (
            QUERIES["insert_transfers"],
            (book, sealed.batch_no, sealed.at_ms, *transfers, *entries),
        )
        yield from _hold_writes(fold, holds_read, book)
        yield from _displaced(sealed)
    if sealed.salted:
        yield QUERIES["insert_metadata"], (book, *_metadata_arrays(sealed))
    if fold.rejected:
        arrays = _rejection_arrays(sealed)
        yield QUERIES["insert_rejections"], (book, sealed.batch_no, *arrays)
    if fold.limits:
        yield QUERIES["insert_limit_changes"], (book, sealed.batch_no, *_limit_arrays(fold.limits))


def _account_writes(sealed: Sealed) -> Iterator[Write]:
    new = [account for account in sealed.touched if account.is_new]
    old = [account for account in sealed.touched if not account.is_new]
    if new:
        yield QUERIES["insert_accounts"], (sealed.book, *_account_arrays(new))
    if old:
        read = int_array([sealed.versions_read[account.code] for account in old])
        numbers = int_array([account.number for account in old])
        arrays = (numbers, *_account_limit_arrays(old), *_counter_arrays(old), read)
        yield QUERIES["update_accounts"], (sealed.book, *arrays)


def _displaced(sealed: Sealed) -> Iterator[Write]:
    """What counts for another day than the one it is recorded on."""
    rows = []
    for posted in sealed.fold.posted:
        day = posted.transfer.effective_on
        if posted.posted and day is not None and day != sealed.day:
            for moved, sign in ((day, 1), (sealed.day, -1)):
                rows.append((posted.debit.account, date_of(moved), sign * posted.posted, 0))
                rows.append((posted.credit.account, date_of(moved), 0, sign * posted.posted))
    if rows:
        accounts, days, debits, credits = zip(*rows, strict=True)
        arrays = (int_array(accounts), text_array(days), int_array(debits), int_array(credits))
        yield QUERIES["move_effective_days"], (sealed.book, *arrays)


def _hold_writes(fold: Fold, read: frozenset[str], book: int) -> Iterator[Write]:
    new = [hold for hold in fold.touched_holds.values() if hold.id not in read]
    old = [hold for hold in fold.touched_holds.values() if hold.id in read]
    if new:
        yield QUERIES["insert_holds"], (book, *_hold_arrays(new))
    if old:
        parameters = (
            book,
            text_array([hold.id for hold in old]),
            int_array([hold.remaining for hold in old]),
            bool_array([hold.open for hold in old]),
        )
        yield QUERIES["update_holds"], parameters


def _account_arrays(accounts: Sequence[Account]) -> tuple[str, ...]:
    return (
        int_array([account.number for account in accounts]),
        text_array([account.code for account in accounts]),
        text_array([account.currency for account in accounts]),
        *_account_limit_arrays(accounts),
        *_counter_arrays(accounts),
    )


def _account_limit_arrays(accounts: Sequence[Account]) -> tuple[str, ...]:
    return (
        int_array([account.overdraft_max for account in accounts]),
        int_array([account.overcredit_max for account in accounts]),
    )


def _limit_arrays(changes: Sequence[LimitsChanged]) -> tuple[str, ...]:
    return (
        int_array([change.ordinal for change in changes]),
        int_array([change.after_seq for change in changes]),
        int_array([change.account.number for change in changes]),
        int_array([change.limits.overdraft_max for change in changes]),
        int_array([change.limits.overcredit_max for change in changes]),
    )


def _metadata_arrays(sealed: Sealed) -> tuple[str, ...]:
    salted = sealed.salted
    return (
        text_array(salted),
        text_array([found.text for found in salted.values()]),
        bytes_array([found.salt for found in salted.values()]),
    )


def _rejection_arrays(sealed: Sealed) -> tuple[str, ...]:
    rejected = sealed.fold.rejected
    transfers = [found.transfer for found in rejected]
    return (
        int_array([found.ordinal for found in rejected]),
        int_array([found.after_seq for found in rejected]),
        text_array([transfer.id for transfer in transfers]),
        text_array([found.chain for found in rejected]),
        text_array([transfer.kind for transfer in transfers]),
        text_array([transfer.debit for transfer in transfers]),
        text_array([transfer.credit for transfer in transfers]),
        int_array([transfer.amount for transfer in transfers]),
        text_array([transfer.currency for transfer in transfers]),
        text_array([transfer.code for transfer in transfers]),
        text_array([transfer.subject for transfer in transfers]),
        text_array([transfer.hold for transfer in transfers]),
        bool_array([transfer.final for transfer in transfers]),
        text_array(
            [None if t.effective_on is None else date_of(t.effective_on) for t in transfers]
        ),
        int_array([transfer.expires_ms for transfer in transfers]),
        bytes_array([sealed.metadata_hash(transfer) for transfer in transfers]),
        text_array([found.reason for found in rejected]),
    )


def _counter_arrays(accounts: Sequence[Account]) -> tuple[str, ...]:
    return tuple(map(int_array, zip(*(account.counters() for account in accounts), strict=True)))


def _hold_arrays(holds: Sequence[Hold]) -> tuple[str, ...]:
    return (
        text_array([hold.id for hold in holds]),
        text_array([hold.debit for hold in holds]),
        text_array([hold.credit for hold in holds]),
        text_array([hold.currency for hold in holds]),
        int_array([hold.amount for hold in holds]),
        int_array([hold.remaining for hold in holds]),
        bool_array([hold.open for hold in holds]),
        text_array([hold.subject for hold in holds]),
        int_array([hold.expires_ms for hold in holds]),
    )


def _transfer_arrays(sealed: Sealed) -> tuple[str, ...]:
    posted = sealed.fold.posted
    transfers = [item.transfer for item in posted]
    first = sealed.fold.first_transfer
    return (
        int_array(range(first, first + len(posted))),
        text_array([transfer.id for transfer in transfers]),
        text_array([transfer.kind for transfer in transfers]),
        int_array([item.debit.account for item in posted]),
        int_array([item.credit.account for item in posted]),
        int_array([transfer.amount for transfer in transfers]),
        int_array([item.posted for item in posted]),
        int_array([item.pending for item in posted]),
        text_array([transfer.currency for transfer in transfers]),
        text_array([transfer.code for transfer in transfers]),
        text_array([transfer.subject for transfer in transfers]),
        text_array([transfer.hold for transfer in transfers]),
        bool_array([transfer.final for transfer in transfers]),
        text_array([item.chain for item in posted]),
        text_array([date_of(sealed.effective_day(transfer)) for transfer in transfers]),
        int_array([transfer.expires_ms for transfer in transfers]),
        bytes_array([sealed.metadata_hash(transfer) for transfer in transfers]),
    )


def _entry_arrays(posted: Sequence[Posted]) -> tuple[str, ...]:
    """The counters of the debited account after each transfer, then those of the credited one."""
    rows = [(*item.debit.after, *item.credit.after) for item in posted]
    return tuple(map(int_array, zip(*rows, strict=True)))
