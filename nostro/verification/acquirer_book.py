"""The acquirer's own book, as it is compared with ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from nostro.kernel.ids import birth_book
from nostro.kernel.table import bool_array, int_array, text_array

Pages = AsyncIterator[Sequence["Line"]]


class Line(msgspec.Struct, frozen=True, gc=False):
    """One operation in the acquirer's book, under our reference. Amounts in minor units, system time in ms."""

    reference: str
    operation: str
    amount: int
    currency: str
    outcome: str
    state: str
    created_ms: int
    cancelled: bool
    original: str | None = None
    acquirer: str = "sandbox"  # whose book it is


def belongs_to(line: Line, book: int) -> bool:
    """Whether the reference was made in this book. What is not a reference of ours is asked of the first book, 0."""
    return (birth_book(line.reference) or 0) == book


class Columns:
    """Lines turned into the arrays that the comparing statement takes."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def add(self, lines: Sequence[Line], book: int) -> None:
        """Keep what belongs to the book."""
        self._lines += [line for line in lines if belongs_to(line, book)]

    def __len__(self) -> int:
        return len(self._lines)

    def arrays(self) -> tuple[Any, ...]:
        """Reference, operation, original, amount, currency, outcome, state, created_ms, cancelled, acquirer."""
        lines = self._lines
        return (
            text_array([line.reference for line in lines]),
            text_array([line.operation for line in lines]),
            text_array([line.original for line in lines]),
            int_array([line.amount for line in lines]),
            text_array([line.currency for line in lines]),
            text_array([line.outcome for line in lines]),
            text_array([line.state for line in lines]),
            int_array([line.created_ms for line in lines]),
            bool_array([line.cancelled for line in lines]),
            text_array([line.acquirer for line in lines]),
        )
