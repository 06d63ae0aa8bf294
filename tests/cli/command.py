"""Runs `nostro` as its own process, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.server import ROOT

SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Command:
    """`nostro` with some variables set. No variable of the caller's own leaks in."""

    variables: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str = "", **more: str) -> Ended:
        """Run it to its end."""
        clean = {name: value for name, value in os.environ.items() if "NOSTRO_" not in name}
        done = subprocess.run(
            [sys.executable, "-m", "nostro", *arguments],
            env=clean | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | dict(self.variables) | more,
            input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)
