"""Decides a book again from nothing, through the ledger's own pure fold, and compares every outcome and every entry.

The quick way folds a whole batch and compares; only a batch that differs is gone through step by step (`stepwise`).
"""

from __future__ import annotations

from nostro.ledger.fold import Fold
from nostro.verification.findings import Findings
from nostro.verification.steps import (
    BatchRows,
    Limited,
    Posted,
    posted_transfer,
    refused_transfer,
    steps_of,
)
from nostro.verification.stepwise import MISFITS, Stepwise
from nostro.verification.world import World, before


def replay(
    world: World, first_transfer: int, at_ms: int, rows: BatchRows, findings: Findings
) -> None:
    """Decide a batch again and compare. The world moves on, by what is stored where it differs."""
    earlier = before(world, rows)
    if not _quick(world, first_transfer, at_ms, rows):
        earlier.put_back()
        Stepwise(world, at_ms, rows, findings).run()
    if rows.transfers:
        world.last_seq = rows.transfers[-1][0]
    world.displace(rows.transfers, at_ms)


def _quick(world: World, first_transfer: int, at_ms: int, rows: BatchRows) -> bool:
    fold = world.fold(first_transfer, at_ms)
    try:
        fine = _decided(world, fold, rows) and _same_postings(fold, rows) and _same_rest(fold, rows)
    except MISFITS:
        return False
    if fine:
        world.next_number = fold.next_number
    return fine


def _decided(world: World, fold: Fold, rows: BatchRows) -> bool:
    """Everything again; False as soon as something comes out otherwise."""
    if rows.rejections or rows.limits or any(row[2] is not None for row in rows.transfers):
        return _decided_in_steps(world, fold, rows)
    codes, post = world.codes, fold.post_chain
    return all(post((posted_transfer(row, codes),)) is None for row in rows.transfers)


def _decided_in_steps(world: World, fold: Fold, rows: BatchRows) -> bool:
    for step in steps_of(rows):
        if isinstance(step, Posted):
            chain = [posted_transfer(row, world.codes) for row in step.rows]
            if fold.post_chain(chain) is not None:
                return False
        elif isinstance(step, Limited):
            if fold.limit(world.limit_change(step.row)) is not None:
                return False
        elif fold.post_chain([refused_transfer(row) for row in step.rows]) is None:
            return False
    return True


def _same_postings(fold: Fold, rows: BatchRows) -> bool:
    entries, at = rows.entries, 0
    if len(fold.posted) != len(rows.transfers) or len(entries) != 2 * len(rows.transfers):
        return False
    for row, found in zip(rows.transfers, fold.posted, strict=True):
        seq, posted, pending = row[0], found.posted, found.pending
        debit, credit = found.debit, found.credit
        if (
            row[7] != posted or row[8] != pending or row[2] != found.chain
            or row[11] != debit.account or row[12] != credit.account
            or entries[at] != (seq, "d", debit.account, posted, pending, *debit.after)
            or entries[at + 1] != (seq, "c", credit.account, posted, pending, *credit.after)
        ):  # fmt: skip
            return False
        at += 2
    return True


def _same_rest(fold: Fold, rows: BatchRows) -> bool:
    if len(fold.rejected) != len(rows.rejections) or len(fold.limits) != len(rows.limits):
        return False
    return all(
        (row[1], row[2], row[4], row[16]) == (r.ordinal, r.after_seq, r.chain, r.reason)
        for row, r in zip(rows.rejections, fold.rejected, strict=True)
    ) and all(
        (row[1], row[2], row[3]) == (change.ordinal, change.after_seq, change.account.number)
        for row, change in zip(rows.limits, fold.limits, strict=True)
    )
