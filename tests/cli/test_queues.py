"""`nostro queues` as a process, against a running Nostro."""

from __future__ import annotations

import pytest

from tests.cli.command import Command


@pytest.mark.parametrize("book", ["1", "2"])
def test_in_a_book_without_open_outcomes_nothing_waits(nostro: Command, book: str) -> None:
    ended = nostro("queues", "--book", book)
    assert (ended.code, ended.out) == (0, "Nothing waits.\n"), ended.err


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_book_that_is_not_there_is_refused(nostro: Command, more: tuple[str, ...]) -> None:
    ended = nostro("queues", "--book", "7", *more)
    assert (ended.code, ended.out) == (1, "")
    assert "there is no book 7" in ended.err and ended.err.count("\n") == 1
