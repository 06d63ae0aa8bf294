"""What the worker does for the log: a forked one is an alarm, and yesterday's balances are written down once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from nostro.audit import snapshots
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, BusinessTime
from nostro.ledger.days import date_of
from nostro.ledger.publishing import LogForked
from nostro.ledger.snapshots import last_before, last_day, take
from nostro.system import SystemClock
from nostro.work.duties import Book, Desk
from nostro.work.log_duties import Publishing, TakingSnapshots
from tests.db.sheets import BOOK, CLOCK, ENTROPY, Count, ask, sheet_on
from tests.ledger.test_publishing import World

HERE = Book(BOOK, live=False)


class Tomorrow(SystemClock):
    """The clock of so many days later."""

    def __init__(self, days: int) -> None:
        self._days = days

    def business(self) -> BusinessTime:
        return BusinessTime(super().business() + self._days * DAY)


def in_a_world(database: ConnectionUrls, folder: Path, body: Any) -> None:
    async def run() -> None:
        world = World(database, folder)
        async with sheet_on(database) as sheet:
            desk = Desk(lambda _: sheet.committer, world.pool, CLOCK, ENTROPY)
            for number in range(3):
                await sheet.committer.run(Count(f"k{number}", 1))
            await body(world, sheet, desk)
        await world.pool.close()

    asyncio.run(run())


def test_a_forked_log_is_an_alarm_and_is_not_signed(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    async def body(world: World, sheet: Any, desk: Desk) -> None:
        duty = Publishing(world.publisher, HERE, desk)
        assert await duty.round() == 0
        world.as_superuser("UPDATE nostro.batches SET leaf = sha256('x') WHERE batch_no = 2")
        await sheet.committer.run(Count("more", 1))
        for _ in range(2):
            with pytest.raises(LogForked):
                await duty.round()
        found = await ask(world.urls, "SELECT kind, subject FROM nostro.alarms")
        assert found == [("checkpoints", f"book {BOOK}")]

    in_a_world(database, tmp_path, body)


def test_yesterdays_balances_are_written_down_once(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    async def body(world: World, sheet: Any, desk: Desk) -> None:
        assert await TakingSnapshots(HERE, desk).round() == 0  # nothing is older than today
        tomorrow = TakingSnapshots(HERE, replace(desk, clock=Tomorrow(1)))
        assert [await tomorrow.round() for _ in range(3)] == [1, 0, 0]
        taken = await snapshots.newest(world.pool, BOOK)
        assert taken is not None
        assert (taken.taken_on, taken.as_of_batch) == (date_of(CLOCK.business() // DAY), 3)
        over = await last_day(world.pool, BOOK, Tomorrow(1).business())
        assert over is not None and over.kept == taken  # so `nostro proof snapshot` finds it, too
        # Two days on nothing has happened since, but for the snapshot itself.
        assert await TakingSnapshots(HERE, replace(desk, clock=Tomorrow(2))).round() == 0

    in_a_world(database, tmp_path, body)


def test_a_snapshot_of_the_running_day_does_not_stand_for_its_end(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    """Whoever put one there: the day has its own when it is over."""

    async def body(world: World, sheet: Any, desk: Desk) -> None:
        today = date_of(CLOCK.business() // DAY)
        moment = await last_before(world.pool, BOOK, CLOCK.business() + 1)
        assert moment is not None
        early = await take(world.pool, BOOK, moment, today)
        await sheet.committer.run(snapshots.RecordSnapshot(BOOK, ENTROPY.bytes(16), early))
        await sheet.committer.run(Count("later", 1))
        assert await TakingSnapshots(HERE, replace(desk, clock=Tomorrow(1))).round() == 1
        taken = await snapshots.newest(world.pool, BOOK)
        assert taken is not None
        assert (taken.taken_on, taken.as_of_batch) == (today, moment.batch + 2)

    in_a_world(database, tmp_path, body)
