"""A progress bar for people: on standard error, and only where somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from rich.console import Console
from rich.progress import Progress

from nostro.verification.checks import CHECKS
from nostro.verification.snapshot import Snapshot

# Besides its checks, a book is pinned, asked for what is live, and compared with the acquirer's.
READS_PER_BOOK = len(CHECKS) + 3


class Watched:
    """A snapshot that tells of each read."""

    def __init__(self, snapshot: Snapshot, told: Callable[[], None]) -> None:
        self._snapshot, self._told = snapshot, told

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one read."""
        rows = await self._snapshot.fetch(statement, *parameters)
        self._told()
        return rows


@contextmanager
def reads(as_json: bool) -> Iterator[Callable[[int], Callable[[], None]]]:
    """Gives a function that begins a book and returns what is to be called after each of its reads."""
    console = Console(stderr=True)
    hidden = as_json or not console.is_terminal
    with Progress(console=console, disable=hidden, transient=True) as bar:

        def begin(book: int) -> Callable[[], None]:
            task = bar.add_task(f"Book {book}", total=READS_PER_BOOK)
            return lambda: bar.advance(task)

        yield begin
