"""Writes an export to a file or standard output, and tells people how far it is on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import Progress

from nostro.cli.programs import LedgerExport
from nostro.db.snapshot import snapshot
from nostro.ledger.export.service import Export

READER_IS_GONE = 141  # as shells report a broken pipe


async def run(database_url: str, wanted: LedgerExport) -> int:
    """Export. `database_url` is that of the role that may only read.

    Raises DatabaseUnavailable, OSError, or Misconfigured for a book that is not there.
    """
    async with snapshot(database_url, by_key=True) as frozen:
        made = await Export.of(frozen, wanted.book, wanted.format, wanted.until_ms)
        try:
            with _destination(wanted.output) as file, _progress(made) as told:
                async for piece in made.pieces():
                    file.write(piece.encode())
                    told()
        except BrokenPipeError:
            # Python would flush, and complain, once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return READER_IS_GONE
    said = f"{made.transfers} transfers and {made.accounts} accounts of book {wanted.book}"
    print(f"Wrote {said}.", file=sys.stderr)
    return 0


@contextmanager
def _destination(output: Path | None) -> Iterator[BinaryIO]:
    """A file gets its name once it is whole: half of an export would have no assertions to fail."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress(made: Export) -> Iterator[Callable[[], None]]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("Transfers", total=made.expected)
        yield lambda: bar.update(task, completed=made.transfers)
