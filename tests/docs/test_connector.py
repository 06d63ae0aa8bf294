"""The connector of the how-to is saved and examined as its reader would."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import Reader, blocks
from tests.docs.test_snippets import NOBODY
from tests.server import ROOT

PAGE = ROOT / "docs/howto/write-a-connector.md"


def test_the_connector_of_the_page_conforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for block in blocks(PAGE):
        name = re.match(r"# (\w+\.py)\n", block.text)
        if name is not None:
            (tmp_path / name[1]).write_text(block.text)
    monkeypatch.setattr(NOBODY, "data_dir", tmp_path, raising=False)
    assert Reader(PAGE, NOBODY).follow() == 4
