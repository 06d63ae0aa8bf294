"""Rows in the order of their keys, taken batch by batch from a stream."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator
from operator import itemgetter
from typing import Any

Row = tuple[Any, ...]


class OrderedRows:
    """A stream of rows ordered by their column `key`. Rows that have no key are set apart: they belong to nothing."""

    def __init__(self, pieces: AsyncIterator[list[Row]], key: int = 0) -> None:
        self._pieces, self._number, self._key = pieces, key, itemgetter(key)
        self._rows: list[Row] = []
        self._at = 0
        self._ended = False
        self.without_key: list[Row] = []

    def reaches(self, end: int) -> bool:
        """Whether every row with a key below `end` has been read."""
        rows = self._rows
        return self._ended or (self._at < len(rows) and rows[-1][self._number] >= end)

    async def read(self, end: int) -> None:
        """Read on until every row with a key below `end` is there."""
        while not self.reaches(end):
            piece = await anext(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            while piece and piece[-1][self._number] is None:  # the last in order
                self.without_key.append(piece.pop())
            self._rows = self._rows[self._at :] + piece if self._at < len(self._rows) else piece
            self._at = 0

    def take(self, end: int) -> list[Row]:
        """The rows not yet taken whose keys are below `end`."""
        start = self._at
        self._at = bisect_left(self._rows, end, lo=start, key=self._key)
        return self._rows[start : self._at]

    async def rest(self) -> list[Row]:
        """Every row that is left, those without a key last."""
        left = self._rows[self._at :]
        self._rows, self._at = [], 0
        async for piece in self._pieces:
            left += piece
        return left + self.without_key
