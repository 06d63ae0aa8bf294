"""An untouched history verifies, whatever is open in it and whoever writes meanwhile."""

import asyncio

import pytest

from nostro.cli.verify import CLEAN, OFF, reports_of, run
from nostro.db.session import Session, Statement
from tests.verification.conftest import JUDGE_ALL, Books, driving
from tests.verification.driver import BOOK, ShiftedClock


def test_a_history_with_everything_in_it_is_clean(books: Books) -> None:
    report = asyncio.run(books.tampered())
    assert report.off() == {}
    assert report.acquirer_operations == len(books.theirs)


def test_the_command_exits_with_zero_and_says_clean(
    books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    code = asyncio.run(run(books.urls.read_only, books.sandbox, None, False, JUDGE_ALL))
    text = capsys.readouterr().out
    assert (code, "Book 0: clean" in text) == (CLEAN, True), text
    code = asyncio.run(run(books.urls.read_only, None, [BOOK], True))
    assert (code, '"clean":true' in capsys.readouterr().out) == (CLEAN, True)
