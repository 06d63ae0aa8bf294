"""A payment that a crash left open, and that the worker cannot finish: somebody is told of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nostro.audit.alarms import open_alarms
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY
from nostro.kernel.money import FeeSchedule
from nostro.work.duties import Book, Resolving
from nostro.work.overdue_duty import TellingOverdue
from tests.payments.test_manners import attempt
from tests.refunds.world import BOOK, World, a_world
from tests.sandbox.process import SandboxProcess
from tests.work.test_duties import Bench, due_attempts

Bad = Callable[[World], None]


async def dead(*_: Any) -> Any:
    raise ConnectionResetError


def nothing(_: World) -> None:
    """The adapter is good; the card is none of the vault's."""


def raises(world: World) -> None:
    """An adapter that is wrong: its inquiry raises, whatever the acquirer says."""
    world.acquirers["sandbox"].inquire = dead  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("bad", "state", "alarms"), [(nothing, "undone", 0), (raises, "unknown", 1)]
)
def test_what_nobody_can_finish_is_cancelled_or_told_of(
    database: ConnectionUrls, sandbox: SandboxProcess, bad: Bad, state: str, alarms: int
) -> None:
    """The API died while it sent; the vault cannot open the card any more. The acquirer has no such payment."""

    async def scenario(world: World) -> None:
        bench = Bench(world, world.reader)
        call = world.payments._call
        world.payments._call = dead  # type: ignore[method-assign]
        with pytest.raises(ConnectionResetError):
            await world.sale(2_000)  # its card is none of the vault's
        world.payments._call = call  # type: ignore[method-assign]
        bad(world)
        overdue = TellingOverdue(Book(BOOK, False), bench.desk)
        world.clock.system_ahead += DAY
        resolving = Resolving(
            "payments", Book(BOOK, False), bench.desk, due_attempts, world.payments, bench.fee_of
        )
        assert await resolving.round() == 1
        await asyncio.sleep(0.3)
        await resolving.close()
        await overdue.round()
        assert (await attempt(world)).state == state
        assert len(await open_alarms(world.reader, BOOK)) == alarms

    async def run() -> None:
        async with a_world(database, sandbox, FeeSchedule(290, 30)) as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)

    asyncio.run(run())


def test_what_is_being_sent_for_days_is_told_of(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    """Nobody ever took it over: no worker that could."""

    async def run() -> None:
        async with a_world(database, sandbox, FeeSchedule(290, 30)) as world:
            await world.payments._cards.open_for_business(world.reader)
            world.payments._call = dead  # type: ignore[method-assign]
            with pytest.raises(ConnectionResetError):
                await world.sale(2_000)
            world.clock.system_ahead += DAY
            desk = Bench(world, world.reader).desk
            assert await TellingOverdue(Book(BOOK, False), desk).round() == 1
            assert (await attempt(world)).state == "sending"

    asyncio.run(run())
