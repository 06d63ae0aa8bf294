"""The blocks of README and tutorial run as they stand."""

from pathlib import Path

import pytest

from tests.docs.blocks import Block, Reader, blocks
from tests.server import ROOT, Server

PAGES = {"README.md": 4, "docs/tutorial/first-charge.md": 17, "docs/howto/ask-the-ledger.md": 14}


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str) -> None:
    # A server each: the tutorial counts its balance from nothing.
    with Server.start() as server:
        done = Reader(ROOT / page, server).follow()
    assert done >= PAGES[page]


def test_the_blocks_of_the_ledgers_tutorial_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no server: the page starts a database of its own, where its reader stands."""
    monkeypatch.chdir(tmp_path)
    assert Reader(ROOT / "docs/tutorial/ledger-library.md", NOBODY).follow() >= 16


def test_blocks_are_found_with_their_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# T\n\n```python\nx = 1\n```\n\n```text\n1\n```\n")
    assert blocks(page) == [Block("python", "x = 1\n", 4), Block("text", "1\n", 8)]


def test_another_output_than_promised_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint('a b c')\n```\n```text\na … d\n```\n")
    with pytest.raises(AssertionError, match="a b c"):
        Reader(page, NOBODY).follow()


class _Nobody(Server):
    """Addresses of no server, for blocks that need none."""

    def __init__(self) -> None:
        self.url = self.sandbox_url = "http://127.0.0.1:9"
        self.secret_key = "sk_test_none"


NOBODY = _Nobody()
