"""`nostro ledger export`: a book as text for beancount or hledger, which add up for themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nostro.cli.ledger.options import instant
from nostro.cli.options import Book, DatabaseUrl, DataDir
from nostro.cli.programs import LedgerExport, programs, settings, start
from nostro.ledger.export.service import Format


def export(
    format: Annotated[
        Format, typer.Option(envvar="NOSTRO_EXPORT_FORMAT", help="For which program.")
    ],
    book: Book = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            envvar="NOSTRO_OUTPUT",
            dir_okay=False,
            help="A file, which is there only once it is whole. [default: standard output]",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            envvar="NOSTRO_UNTIL",
            metavar="ISO8601",
            help="As it stood at that instant (UTC unless it says otherwise). [default: now]",
        ),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a book for beancount or hledger: every transfer, and every balance as an exact assertion.

    Amounts are in minor units. The programs add up for themselves: `bean-check FILE`, `hledger -f FILE check -s`.
    """
    chosen = settings(data_dir=data_dir, database_url=database_url)
    wanted = LedgerExport(book, format, output, instant(until))
    start(chosen, lambda: programs().export_ledger(chosen, wanted))
