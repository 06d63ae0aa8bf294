"""Plays a scenario with an acquirer that can be asked nothing, and looks at the books at the end."""

import asyncio
from pathlib import Path

import pytest

from nostro.db.urls import ConnectionUrls
from tests.notifications.mute import Play, Scenario, a_mute_world
from tests.sandbox.process import SandboxProcess


@pytest.fixture
def play(database: ConnectionUrls, tmp_path: Path) -> Play:
    """Runs `async def scenario(told)` to its end."""

    async def played(sandbox: SandboxProcess, scenario: Scenario) -> None:
        async with a_mute_world(database, sandbox) as told:
            await scenario(told)

    def run(scenario: Scenario) -> None:
        sandbox = SandboxProcess(tmp_path / "book", "--manner", "mute")
        try:
            asyncio.run(played(sandbox, scenario))
        finally:
            assert sandbox.terminate() == 0

    return run
