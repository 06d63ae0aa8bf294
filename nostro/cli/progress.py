"""Progress bars for people: on standard error, and only where somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

from rich.console import Console
from rich.progress import Progress

from nostro.verification.checks import CHECKS
from nostro.verification.snapshot import Stream

# Besides its checks, a book is pinned, asked for what is live, and compared with the acquirer's.
READS_PER_BOOK = len(CHECKS) + 3


class Watched:
    """A snapshot that tells of each read; a full audit's streams tell of their batches themselves."""

    def __init__(self, snapshot: Stream, told: Callable[[], None]) -> None:
        self._snapshot, self._told = snapshot, told

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one read."""
        rows = await self._snapshot.fetch(statement, *parameters)
        self._told()
        return rows


class Bars:
    """A bar for the checks of each book, and one for its batches once they are audited."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def checks(self, book: int) -> Callable[[], None]:
        """Begin a book; returns what is to be called after each of its reads."""
        task = self._progress.add_task(f"Book {book}", total=READS_PER_BOOK)
        return lambda: self._progress.advance(task)

    def batches(self, book: int) -> Callable[[int, int], None]:
        """Begin the audit of a book; returns what is to be called with how many of how many batches are done."""
        task = self._progress.add_task(f"Book {book}: batches", total=None)
        return lambda done, of: self._progress.update(task, completed=done, total=of)


@contextmanager
def bars(as_json: bool) -> Iterator[Bars]:
    """Bars that go when all is done."""
    console = Console(stderr=True)
    hidden = as_json or not console.is_terminal
    with Progress(console=console, disable=hidden, transient=True) as progress:
        yield Bars(progress)
