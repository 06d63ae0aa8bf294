"""Plays a scenario in a fresh world and judges the books at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.money import FeeSchedule
from tests.refunds.judge import judge
from tests.refunds.world import World, a_world
from tests.sandbox.process import SandboxProcess

Scenario = Callable[[World], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture(scope="session")
def refund_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox acquirer for all tests of refunds; references never meet."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--refund-delay-ms", "150")
    yield process
    assert process.terminate() == 0


@pytest.fixture
def play(database: ConnectionUrls, refund_sandbox: SandboxProcess) -> Iterator[Play]:
    """Runs `async def scenario(world)` to its end."""

    async def played(scenario: Scenario, fee: FeeSchedule) -> None:
        async with a_world(database, refund_sandbox, fee) as world:
            await scenario(world)
            await judge(world)

    def run(scenario: Scenario, fee: FeeSchedule | None = None) -> None:
        asyncio.run(played(scenario, fee or FeeSchedule()))

    yield run
    refund_sandbox.call("DELETE", "/control/faults")
