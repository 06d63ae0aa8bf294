"""An acquirer for a module's tests."""

from collections.abc import Iterator

import pytest

from tests.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox acquirer, stopped after the module's last test."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"))
    yield process
    assert process.terminate() == 0
