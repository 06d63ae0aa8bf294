"""One running Nostro for the commands that need one, and the commands as real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.server import Server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A running Nostro, left as it was found by each test."""
    with Server.start() as running:
        yield running


@pytest.fixture
def nostro(server: Server) -> Command:
    """`nostro`, pointed at the running one's data directory."""
    return Command({"NOSTRO_DATA_DIR": str(server.data_dir)})


@pytest.fixture
def nowhere(tmp_path: Path) -> Command:
    """`nostro`, pointed at a directory in which nothing runs."""
    return Command({"NOSTRO_DATA_DIR": str(tmp_path / "none")})
