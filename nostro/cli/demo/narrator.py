"""Tells the story: headings, sentences and tables for people, or one JSON line for each event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from nostro.cli.programs import print_json
from nostro.kernel.money import exponent


class Narrator:
    """Where the story is told."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._chapter = 0

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self._chapter += 1
        if not self._as_json:
            self._console.print(f"\n[bold cyan]{self._chapter}  {title}[/bold cyan]")

    def say(self, sentence: str, event: str, **facts: Any) -> None:
        """One thing that happened. `facts` are what programs read."""
        if self._as_json:
            print_json({"event": event, "chapter": self._chapter, **facts})
        else:
            self._console.print(f"   {sentence}")

    def table(self, event: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows under a heading; numbers to the right."""
        if self._as_json:
            print_json(
                {"event": event, "chapter": self._chapter,
                 "rows": [dict(zip(columns, row, strict=True)) for row in rows]}
            )  # fmt: skip
            return
        table = Table(box=None, padding=(0, 1), show_edge=False)
        table.add_column("")
        for index, column in enumerate(columns):
            right = column == "amount" or (bool(rows) and isinstance(rows[0][index], int))
            width = max(len(str(row[index])) for row in rows) if rows else 0
            table.add_column(
                column, justify="right" if right else "left", no_wrap=True, min_width=width
            )
        for row in rows:
            table.add_row(" ", *map(str, row))
        self._console.print(table)


def amount(minor: int, currency: str) -> str:
    """An amount as people write it, from minor units and without a float."""
    digits = exponent(currency)
    sign, units = "-" if minor < 0 else "", abs(minor)
    if digits == 0:
        return f"{sign}{units} {currency.upper()}"
    whole, part = divmod(units, 10**digits)
    return f"{sign}{whole}.{part:0{digits}d} {currency.upper()}"
