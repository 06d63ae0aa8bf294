"""Alarms by age: who waits too long is told of, once, and no longer when the outcome is known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nostro.audit.alarms import open_alarms
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, MINUTE
from nostro.kernel.money import FeeSchedule
from nostro.routing.model import BreakerTerms, Rules
from nostro.work.duties import Book, Desk
from nostro.work.overdue_duty import TellingOverdue
from tests.payments.test_manners import attempt, resolved, sale
from tests.refunds.world import BOOK, World, a_world
from tests.sandbox.process import SandboxProcess


@pytest.mark.parametrize(
    ("manner", "usual_ms"),
    [("honours", 15 * MINUTE), ("notifies-only", 360 * MINUTE), ("mute", 3 * DAY)],
)
def test_what_waits_too_long_is_told_of_once(
    database: ConnectionUrls, tmp_path: Path, manner: str, usual_ms: int
) -> None:
    async def scenario(world: World) -> None:
        desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
        duty = TellingOverdue(Book(BOOK, False), desk)
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        assert (await sale(world)).status == "processing"
        world.clock.system_ahead += usual_ms - MINUTE
        assert await duty.round() == 0
        world.clock.system_ahead += 2 * MINUTE
        assert [await duty.round() for _ in range(3)] == [1, 0, 0]
        [alarm] = await open_alarms(world.reader, BOOK)
        assert (alarm.kind, alarm.subject) == ("overdue", (await attempt(world)).id)
        assert alarm.detail.startswith("sale of 2000 usd at sandbox: unknown since 2")
        found = await resolved(world)
        assert await duty.round() == 0
        settled = found.state == "approved"
        assert settled == (manner == "honours"), "age concludes nothing"
        assert bool(await open_alarms(world.reader, BOOK)) != settled

    async def run(sandbox: SandboxProcess) -> None:
        async with a_world(database, sandbox, FeeSchedule(), manner) as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)

    # One that notifies, and whose notification never comes, is mute.
    spoken = manner.replace("notifies-only", "mute")
    sandbox = SandboxProcess(tmp_path / "book", "--manner", spoken)
    try:
        asyncio.run(run(sandbox))
    finally:
        assert sandbox.terminate() == 0


def test_a_refund_that_waits_too_long_is_told_of(database: ConnectionUrls, tmp_path: Path) -> None:
    async def run(sandbox: SandboxProcess) -> None:
        async with a_world(database, sandbox, FeeSchedule(), "mute") as world:
            desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
            charge = await world.sale(10_000)
            world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
            refund = await world.refund(charge, 4_000)
            world.clock.system_ahead += 3 * DAY + MINUTE
            assert await TellingOverdue(Book(BOOK, False), desk).round() == 1
            [alarm] = await open_alarms(world.reader, BOOK)
            assert (alarm.subject, alarm.kind) == (refund.id, "overdue")

    sandbox = SandboxProcess(tmp_path / "book", "--manner", "mute")
    try:
        asyncio.run(run(sandbox))
    finally:
        assert sandbox.terminate() == 0


def test_the_fifty_oldest_do_not_hide_the_next(database: ConnectionUrls, tmp_path: Path) -> None:
    """Fifty-one answers are lost, and none of them ever comes."""
    calm = Rules(breaker=BreakerTerms(calls_min=1_000))

    async def run(sandbox: SandboxProcess) -> None:
        async with a_world(database, sandbox, FeeSchedule(), "mute", rules=calm) as world:
            await world.payments._cards.open_for_business(world.reader)
            desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
            world.sandbox.fault(fault="reply_lost", operation="authorize", count=51)
            for _ in range(51):
                assert (await sale(world)).status == "processing"
            world.clock.system_ahead += 3 * DAY + MINUTE
            duty = TellingOverdue(Book(BOOK, False), desk)
            told = [await duty.round() for _ in range(3)]
            assert sum(told) == 51, told

    sandbox = SandboxProcess(tmp_path / "book", "--manner", "mute")
    try:
        asyncio.run(run(sandbox))
    finally:
        assert sandbox.terminate() == 0
