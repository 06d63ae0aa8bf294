"""What a batch did as steps in their order: chains that were posted, chains that were refused, changes of limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nostro.kernel.posting import Kind, Transfer
from nostro.verification.rows import Row

KINDS = {kind.value: kind for kind in Kind}


class Codes(dict[int, str]):
    """Account codes by number. An account that is not there has a name nobody else has."""

    def __missing__(self, number: int) -> str:
        return f"no account {number}"


class BatchRows(NamedTuple):
    """The rows of a batch, as their streams have them."""

    transfers: Sequence[Row]
    entries: Sequence[Row]
    rejections: Sequence[Row]
    limits: Sequence[Row]


class Posted(NamedTuple):
    """A chain that was posted, or a transfer alone."""

    rows: Sequence[Row]


class Refused(NamedTuple):
    """A chain that was refused, or a transfer alone."""

    rows: Sequence[Row]


class Limited(NamedTuple):
    """A change of limits."""

    row: Row


Step = Posted | Refused | Limited


def steps_of(rows: BatchRows) -> Iterator[Step]:
    """The steps. What is no posting comes after transfer `after_seq`, ordered by its ordinal."""
    others: list[tuple[int, int, Step]] = [
        (_number(row[2]), _number(row[1]), Limited(row)) for row in rows.limits
    ]
    others += [
        (_number(chain[0][2]), _number(chain[0][1]), Refused(chain))
        for chain in chains(rows.rejections, 4)
    ]
    others.sort(key=lambda other: other[1])
    at = 0
    for chain in chains(rows.transfers, 2):
        while at < len(others) and others[at][0] < chain[0][0]:
            yield others[at][2]
            at += 1
        yield Posted(chain)
    yield from (step for _, _, step in others[at:])


def chains(rows: Sequence[Row], column: int) -> Iterator[Sequence[Row]]:
    """Neighbours of the same chain together; a row of no chain alone."""
    start = 0
    for end in range(1, len(rows) + 1):
        chain = rows[start][column]
        if end == len(rows) or chain is None or rows[end][column] != chain:
            yield rows[start:end]
            start = end


def posted_transfer(row: Row, codes: Codes) -> Transfer:
    """A row of `stream_transfers` as it was asked for. Raises KeyError for a kind that there is not."""
    return Transfer(
        row[1], KINDS[row[4]], codes[row[11]], codes[row[12]], row[6], row[13], row[14], row[15],
        row[3], row[5], None, row[10],
    )  # fmt: skip


def refused_transfer(row: Row) -> Transfer:
    """A row of `stream_rejections` as it was asked for. Raises KeyError."""
    return Transfer(
        row[3], KINDS[row[6]], row[11], row[12], row[8], row[13], row[14], row[15],
        row[5], row[7], row[9], row[10],
    )  # fmt: skip


def _number(value: int | None) -> int:
    return -1 if value is None else value
