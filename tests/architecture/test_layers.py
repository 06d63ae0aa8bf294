"""The import contracts in pyproject.toml hold, and a planted import breaks the one it should."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nostro

ROOT = Path(nostro.__file__).parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources and their contracts, to plant in."""
    ignore = shutil.ignore_patterns("__pycache__")
    for package in ("nostro", "sandbox"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a source tree."""
    return subprocess.run(
        [str(LINT), "--no-cache", "--no-logo"],
        cwd=root,
        env={"PATH": os.defpath, "PYTHONPATH": str(root), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_product_keeps_its_contracts() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        ("kernel/planted.py", "from nostro import ledger", "rooms look down only"),
        ("ledger/planted.py", "from nostro import payments", "rooms look down only"),
        ("payments/planted.py", "from nostro import db", "rooms look down only"),
        ("payments/planted.py", "from nostro.refunds import model", "rooms look down only"),
        ("db/planted.py", "from nostro import acquirers", "rooms look down only"),
        ("acquirers/planted.py", "from nostro import api", "rooms look down only"),
        ("kernel/planted.py", "import asyncio", "do no I/O"),
        ("merchants/machine.py", "import time", "do no I/O"),
        ("merchants/model.py", "import logging", "do no I/O"),
        ("payments/planted.py", "from nostro.ledger import store", "the ledger's tables"),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, source: str, contract: str) -> None:
    (copy / "nostro" / module).write_text(source + "\n")
    done = lint(copy)
    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert len(broken) == 1
    assert contract in broken[0]
