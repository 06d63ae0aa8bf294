"""The official Node SDK, unmodified, through a scenario of its own; every answer is judged afterwards."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import wire_schema
from tests.api.registry import new_merchant
from tests.server import Server

SOURCES = Path(__file__).parent / "node"
STEPS = 8


@pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node or npm is not here"
)
def test_the_scenario(server: Server, tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", "scenario.mjs"):
        shutil.copy(SOURCES / name, tmp_path)
    run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", directory=tmp_path)
    answers = tmp_path / "answers.jsonl"
    key = new_merchant(server, "A shop in Node")
    done = run("node", "scenario.mjs", server.url, key, str(answers), directory=tmp_path)
    assert len(done.splitlines()) == STEPS
    bodies = [json.loads(line) for line in answers.read_text().splitlines()]
    assert len(bodies) > 80
    if not wire_schema.available():
        pytest.skip("all steps passed; the wire schema is not on this machine")
    for body in bodies:
        wire_schema.validate(body)


def run(*command: str, directory: Path) -> str:
    """What it printed; all of it, if it failed."""
    ended = subprocess.run(
        command, check=False, cwd=directory, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout
