"""Programs of others that add up a book for themselves: found, never installed, by the tests.

`.ci/run` installs both. Elsewhere: a variable, the directory that `.ci/run` makes, or PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from nostro.ledger.export.service import Format
from tests.server import ROOT

OURS = ROOT / ".venv-judges" / "bin"
SECONDS = 120


@dataclass(frozen=True)
class Verdict:
    """Whether a program accepts a book, and what it says of it."""

    accepts: bool
    said: str


@dataclass(frozen=True)
class Judge:
    """One of the programs: its name, the variable that may say where it is, and how it is asked about a file."""

    format: Format
    name: str
    variable: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def program(self) -> str | None:
        """Where it is, if anywhere."""
        named = os.environ.get(self.variable)
        return named or shutil.which(self.name, path=OURS) or shutil.which(self.name)

    def __call__(self, file: Path) -> Verdict:
        """Ask it. Skips the test where the program is not there."""
        program = self.program()
        if program is None:
            pytest.skip(f"{self.name} is not installed: {self.variable} may say where it is")
        done = subprocess.run(
            [program, *self.before, str(file), *self.after],
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            capture_output=True, encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip
        return Verdict(done.returncode == 0, done.stdout + done.stderr)


BEANCOUNT = Judge(Format.BEANCOUNT, "bean-check", "NOSTRO_BEAN_CHECK", ("--no-cache",), ())
# Strict: transactions balance with no price guessed, accounts and commodities are declared, assertions hold.
HLEDGER = Judge(Format.HLEDGER, "hledger", "NOSTRO_HLEDGER", ("-f",), ("check", "-s"))
JUDGES = (BEANCOUNT, HLEDGER)
