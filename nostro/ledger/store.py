"""Turns what the fold accepted into statements' parameters, and rows into what the fold starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

from nostro.kernel.posting import Hold
from nostro.kernel.queries import load
from nostro.kernel.table import bool_array, int_array, text_array
from nostro.ledger.fold import Account, Fold, Posted

QUERIES = load("nostro.ledger")
Write = tuple[LiteralString, tuple[Any, ...]]


def accounts_from(rows: Sequence[tuple[Any, ...]]) -> dict[str, Account]:
    """Accounts by code, from the rows of `read_accounts`."""
    return {row[0]: Account(row[0], row[1], row[2], row[3], row[4:9]) for row in rows}


def holds_from(rows: Sequence[tuple[Any, ...]]) -> dict[str, Hold]:
    """Holds by id, from the rows of `read_holds`."""
    return {row[0]: Hold(*row) for row in rows}


def writes(
    fold: Fold,
    versions_read: dict[str, int],
    holds_read: frozenset[str],
    book: int,
    batch_no: int,
    at_ms: int,
    first_transfer: int,
) -> Iterator[Write]:
    """Statements with parameters that make the fold durable."""
    if not fold.posted:
        return
    changed = [a for a in fold.accounts.values() if a.version != versions_read.get(a.code, 0)]
    new = [account for account in changed if account.is_new]
    old = [account for account in changed if not account.is_new]
    if new:
        yield QUERIES["insert_accounts"], (book, *_account_arrays(new))
    if old:
        read = int_array([versions_read[account.code] for account in old])
        numbers = int_array([account.number for account in old])
        yield QUERIES["update_accounts"], (book, numbers, *_counter_arrays(old), read)
    transfers = _transfer_arrays(fold.posted, first_transfer)
    entries = _entry_arrays(fold.posted)
    yield QUERIES["insert_transfers"], (book, batch_no, at_ms, *transfers, *entries)
    yield from _hold_writes(fold, holds_read, book)


def rejections(rejected: Mapping[str, str], book: int, batch_no: int, at_ms: int) -> Write:
    """The rows of refused transfers: reasons by transfer id."""
    ids, reasons = text_array(rejected), text_array(rejected.values())
    return QUERIES["insert_rejections"], (book, batch_no, at_ms, ids, reasons)


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
        int_array([account.flags for account in accounts]),
        *_counter_arrays(accounts),
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
    )


def _transfer_arrays(posted: Sequence[Posted], first: int) -> tuple[str, ...]:
    transfers = [item.transfer for item in posted]
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
    )


def _entry_arrays(posted: Sequence[Posted]) -> tuple[str, ...]:
    """The counters of the debited account after each transfer, then those of the credited one."""
    rows = [(*item.debit.after, *item.credit.after) for item in posted]
    return tuple(map(int_array, zip(*rows, strict=True)))
