"""The offline verifier as a stranger has it: a file that is run with nothing of Nostro importable."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "verifier" / "nostro_verify.py"


def run(*arguments: str | Path) -> tuple[int, str]:
    """Its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-I", str(SOURCE), *map(str, arguments)],
        capture_output=True, text=True, timeout=20, check=False, cwd="/",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def run_json(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Its exit code and the JSON that it printed."""
    code, printed = run(*arguments, "--json")
    return code, json.loads(printed)


@cache
def module() -> ModuleType:
    """The same file in this process, for tests that verify thousands of files."""
    spec = importlib.util.spec_from_file_location("nostro_verify", SOURCE)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found
