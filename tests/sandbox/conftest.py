"""Sandboxes for tests: one shared by a module, and fresh ones to be killed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--refund-delay-ms", "150")
    yield process
    assert process.terminate() == 0


@pytest.fixture
def sandbox(shared: SandboxProcess) -> Iterator[SandboxProcess]:
    """The module's sandbox, well-behaved again after each test."""
    yield shared
    shared.call("POST", "/control/hold", {"on": False})
    shared.call("DELETE", "/control/faults")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], SandboxProcess]]:
    """Make a sandbox with a directory of its own; killed at the end if it still runs."""
    made: list[SandboxProcess] = []

    def make() -> SandboxProcess:
        made.append(SandboxProcess(tmp_path / f"book{len(made)}"))
        return made[-1]

    yield make
    for process in made:
        if process.process.poll() is None:
            process.kill()
