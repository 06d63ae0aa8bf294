"""Programs for proofs end in one sentence, whatever the file and whatever the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs import __file__ as here

VERIFIER = Path(here).parents[2] / "verifier" / "nostro_verify.py"


def test_a_terminal_that_cannot_show_a_name_is_told_the_verdict(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_bytes('{"aé":1}'.encode())
    (tmp_path / "keys").touch()
    found = subprocess.run(
        [sys.executable, VERIFIER, "receipt", file, "--key", tmp_path / "keys"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert found.stdout == b"not verified: the receipt has an unknown field a\\xe9\n"
    assert (found.returncode, found.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("old", "sentence"), [("checkpoint", "nostro: "), ("9" * 5000, "nostro: a tree size has")]
)
def test_an_older_checkpoint_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, old: str, sentence: str
) -> None:
    (tmp_path / "checkpoint").write_bytes(b"\xff\xfe")
    found = subprocess.run(
        [sys.executable, "-m", "nostro", "proof", "consistency", old, "--data-dir", "none"],
        cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stderr.startswith(sentence) and found.stderr.count("\n") == 1
