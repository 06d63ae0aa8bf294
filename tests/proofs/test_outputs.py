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
    said = f"not verified: {file}: the receipt has an unknown field a\\xe9\n"
    assert found.stdout == said.encode()
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


@pytest.mark.parametrize("named", ["proof", "new", "keys"])
def test_what_is_wrong_is_said_of_its_file(tmp_path: Path, named: str) -> None:
    """Of four files that were given, the refusal names the one that it is about."""
    files = {name: tmp_path / name for name in ("old", "new", "proof", "keys")}
    for file in files.values():
        file.write_bytes(b"")
    files[named].write_bytes(b"\xff" * (1 if named == "keys" else 1_000_001))
    found = subprocess.run(
        [sys.executable, VERIFIER, "consistency", files["old"], files["new"], files["proof"], "--key",
         files["keys"]],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert found.returncode == 1
    assert found.stdout.startswith(f"not verified: {files[named]}: "), found.stdout
