"""An age that a clock showed wrongly, and that becomes plausible again with time."""

import asyncio
from pathlib import Path

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import MINUTE
from nostro.kernel.money import FeeSchedule
from nostro.payments.ahead import Ending
from nostro.payments.claim import EndLeases
from nostro.payments.due import attempts_ahead
from tests.payments.test_manners import charges, resolved, sale
from tests.refunds.world import BOOK, TIMING, World, a_world
from tests.sandbox.process import SandboxProcess

FORGETS_MS = 500  # stands for the minute that it says it remembers; our clock tells the hours
AHEAD_MS = 61 * MINUTE


@pytest.mark.parametrize("cvc", [False, True])
def test_an_age_that_nobody_knows_is_not_known_an_hour_later(
    database: ConnectionUrls, tmp_path: Path, cvc: bool
) -> None:
    """Charged while our clock was 61 minutes ahead, reply lost; the clock is put right, and 61 minutes go by.

    It is an hour old, and the acquirer remembers for one minute. By `first_sent` it is ten seconds old.
    """

    async def scenario(world: World) -> None:
        clock = world.clock
        clock.system_ahead = AHEAD_MS
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        await sale(world, cvc=cvc)
        clock.system_ahead = 0
        await asyncio.sleep(2 * FORGETS_MS / 1_000)
        longest_ms = TIMING.longest_lease_ms
        ahead = await attempts_ahead(world.reader, BOOK, clock.system(), longest_ms, 10)
        end = EndLeases(BOOK, world.entropy.bytes(16), tuple(ahead), Ending(longest_ms))
        assert await world.run(end) == 1
        found = await resolved(world, 0)
        assert (found.state, found.sends, found.awaiting) == ("unknown", 1, "awaiting_report")
        found = await resolved(world, AHEAD_MS + 10_000)
        assert charges(world, found.id) == 1, "charged twice"
        assert found.state == "unknown", "it was charged, and is called undone"

    async def played(sandbox: SandboxProcess) -> None:
        async with a_world(database, sandbox, FeeSchedule(), "forgets:60000") as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)

    sandbox = SandboxProcess(
        tmp_path / "book", "--manner", "forgets", "--forget-after-ms", str(FORGETS_MS)
    )
    try:
        asyncio.run(played(sandbox))
    finally:
        assert sandbox.terminate() == 0
