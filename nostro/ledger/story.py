"""The transfers of some subjects in order, each with what both its accounts held afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.kernel.table import int_array, text_array
from nostro.ledger import sides
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.position import QUERIES, position

TRANSFERS_MAX = 1_000


class Side(msgspec.Struct, frozen=True):
    """An account of a transfer and its balance right after, positive on its normal side; `held` is what holds would add."""

    account: str
    balance: int
    held: int


class Told(msgspec.Struct, frozen=True):
    """One transfer of a story. Amounts in minor units."""

    seq: int
    transfer: str
    batch: int
    at_ms: int
    effective_on: str
    kind: str
    amount: int
    posted: int
    pending: int
    currency: str
    code: str
    subject: str
    chain: str | None
    hold: str | None
    final: bool
    debit: Side
    credit: Side


async def story(reader: Reader, book: int, subjects: Sequence[str]) -> list[Told]:
    """What explains these subjects, oldest first; at most a thousand transfers."""
    seq = await position(reader, book)
    rows = await reader.fetch(
        QUERIES["transfers_about"], book, text_array(subjects), seq, TRANSFERS_MAX
    )
    wanted = [(account, row[0]) for row in rows for account in (row[15], row[17])]
    after = await balances_as_of(reader, book, wanted)
    return [
        _told(row, debited, credited)
        for row, debited, credited in zip(rows, after[::2], after[1::2], strict=True)
    ]


async def subjects_of_transfer(reader: Reader, book: int, transfer: str) -> list[str]:
    """What a transfer, its hold and its chain are about; empty if there is none of that id (32 hexadecimal digits)."""
    rows = await reader.fetch(QUERIES["subjects_of_transfer"], book, transfer)
    return sorted(row[0] for row in rows)


async def times_of_batches(reader: Reader, book: int, batches: Sequence[int]) -> dict[int, int]:
    """When batches were recorded, in milliseconds, by their numbers."""
    rows = await reader.fetch(QUERIES["times_of_batches"], book, int_array(batches))
    return dict(rows)


def _told(row: tuple[Any, ...], debited: Balance, credited: Balance) -> Told:
    sides_of_it = (_side(row[16], debited), _side(row[18], credited))
    return Told(*(*row[:15], *sides_of_it))


def _side(code: str, after: Balance) -> Side:
    return Side(code, sides.posted(code, after), sides.pending(code, after))
