"""A table on standard output: for people, as CSV, or as JSON lines."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from nostro.cli.ledger.options import Format
from nostro.cli.programs import print_json
from nostro.kernel.money import Money, is_currency

WIDTH_MAX = 1_000


class Sheet:
    """Rows under fixed columns. CSV and JSON are written as rows come; a table for people when it is closed."""

    def __init__(self, columns: Sequence[str], form: Format, as_json: bool = False) -> None:
        self._columns, self.form = columns, Format.JSON if as_json else form
        self._table = Table(box=None)
        for name in columns:
            right = name.endswith(("amount", "balance", "debits", "credits", "pending", "held"))
            self._table.add_column(
                name.replace("_", " ").capitalize(), justify="right" if right else "left"
            )
        if self.form is Format.CSV:
            _write_csv(columns)

    @property
    def for_people(self) -> bool:
        """Whether it is read by people."""
        return self.form is Format.TABLE

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """More rows, each a value by column; what is no column is in JSON only."""
        for row in rows:
            if self.form is Format.JSON:
                print_json(row)
            elif self.form is Format.CSV:
                _write_csv([row.get(name) for name in self._columns])
            else:
                self._table.add_row(*(_shown(row.get(name)) for name in self._columns))

    def close(self, *notes: str) -> None:
        """Show what people are shown, and sentences about it."""
        if self.for_people:
            show(self._table)
            for note in notes:
                print(note)


def show(table: Table) -> None:
    """Print a table, rather wider than the terminal than with codes cut off."""
    console = Console(soft_wrap=True)
    widest = console.measure(table, options=console.options.update(max_width=WIDTH_MAX)).maximum
    Console(width=max(console.width, widest), soft_wrap=True).print(table)


def money(minor: int, currency: str) -> str:
    """For people: minor units, and the currency's own form where it has one."""
    plain = f"{minor} {currency}"
    return f"{plain} = {Money(minor, currency).decimal()}" if is_currency(currency) else plain


def decimal(minor: int, currency: str) -> str:
    """The currency's own form; minor units where it has none."""
    return Money(minor, currency).decimal() if is_currency(currency) else f"{minor} {currency}"


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _write_csv(values: Sequence[Any]) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    sys.stdout.write(line.getvalue())
