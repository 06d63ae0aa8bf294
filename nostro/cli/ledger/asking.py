"""How a command asks: with the reader of the role that may only read, a bar on standard error where somebody looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

from nostro.cli.programs import programs, run, settings
from nostro.kernel.ports import Reader

T = TypeVar("T")


def ask(
    data_dir: Path | None, database_url: str | None, question: Callable[[Reader], Awaitable[T]]
) -> T:
    """The answer to a question; a mistake ends the program with a sentence."""
    chosen = settings(data_dir=data_dir, database_url=database_url)
    return run(lambda: programs().ask(chosen, question))


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Gives a function to be told how much is done, and of how much if that is known."""
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
