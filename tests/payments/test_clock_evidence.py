"""What shows that a clock was wrong must not be thrown away by whoever makes a message due."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, HOUR, MINUTE, SECOND
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Approved
from nostro.kernel.ports import Notification
from nostro.payments.claim import EndLeases
from nostro.payments.due import attempts_ahead
from nostro.payments.queues import owed
from nostro.refunds.claim import EndRefundLeases
from nostro.refunds.due import refunds_ahead
from nostro.refunds.machine import RefundState
from nostro.work.clock_duty import EndingLeasesAhead
from nostro.work.duties import Book, Desk
from nostro.work.overdue_duty import TellingOverdue
from nostro.work.predecessors import ATTEMPTS, bury
from nostro.work.report_duty import _days
from tests.notifications.mute import told_in
from tests.payments.test_manners import attempt, charges, resolved, sale
from tests.refunds.world import BOOK, REFUND_PENDING, TIMING, World, a_world
from tests.sandbox.process import SandboxProcess

FORGETS_MS = 300  # stands for what it says that it remembers; our clock tells the hours
Scenario = Callable[[World, Desk], Awaitable[None]]
Play = Callable[[str, Scenario], None]


@pytest.fixture
def at(database: ConnectionUrls, tmp_path: Path) -> Play:
    async def played(sandbox: SandboxProcess, manner: str, scenario: Scenario) -> None:
        async with a_world(database, sandbox, FeeSchedule(), manner) as world:
            await world.payments._cards.open_for_business(world.reader)
            desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
            await scenario(world, desk)

    def run(manner: str, scenario: Scenario) -> None:
        name, _, window = manner.partition(":")
        options = ("--forget-after-ms", str(FORGETS_MS)) if window else ()
        sandbox = SandboxProcess(tmp_path / "book", "--manner", name, *options)
        try:
            asyncio.run(played(sandbox, manner, scenario))
        finally:
            assert sandbox.terminate() == 0

    return run


def righting(desk: Desk) -> EndingLeasesAhead:
    return EndingLeasesAhead(
        "leases", Book(BOOK, False), desk, TIMING.longest_lease_ms, attempts_ahead, EndLeases
    )


async def lost(world: World) -> None:
    world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
    assert (await sale(world)).status == "processing"
    await asyncio.sleep(2 * FORGETS_MS / SECOND)


def test_a_start_does_not_hide_that_the_clock_was_set_back(at: Play) -> None:
    """The worker asks all the time. The machine comes up again with a clock that is two hours behind, and buries the dead."""

    async def scenario(world: World, desk: Desk) -> None:
        await lost(world)
        found = await resolved(world, 150 * MINUTE)  # 2.5 hours old, and remembered for 2
        assert (found.state, found.sends) == ("unknown", 1)
        world.clock.system_ahead -= 2 * HOUR
        assert await bury(BOOK, "next.", desk, world.reader, ATTEMPTS) == 1
        assert await righting(desk).round() == 0  # there is nothing left to be seen
        found = await resolved(world, 1 * SECOND)
        assert charges(world, found.id) == 1, "charged twice"

    at(f"forgets:{2 * HOUR}", scenario)


def test_a_start_does_not_hide_it_of_what_is_in_no_queue(at: Play) -> None:
    """As above, but the acquirer gave no answer to the inquiry either: it is asked again and again, and in no queue."""

    async def scenario(world: World, desk: Desk) -> None:
        await lost(world)
        world.sandbox.fault(fault="reply_lost", operation="inquire", count=1)
        found = await resolved(world, 150 * MINUTE)
        assert (found.state, found.sends, found.awaiting) == ("unknown", 1, None)
        world.clock.system_ahead -= 2 * HOUR  # its lease is two hours ahead: nobody gives such
        assert await bury(BOOK, "next.", desk, world.reader, ATTEMPTS) == 1
        found = await resolved(world, 1 * SECOND)
        assert charges(world, found.id) == 1, "charged twice"

    at(f"forgets:{2 * HOUR}", scenario)


def test_a_hint_does_not_hide_that_the_clock_was_set_back(at: Play) -> None:
    """What waits in a named queue is left alone by the duty that looks at clocks; a notification makes it due."""

    async def scenario(world: World, desk: Desk) -> None:
        inbox = (await told_in(world)).inbox
        await lost(world)
        found = await resolved(world, 150 * MINUTE)
        assert (found.state, found.awaiting) == ("unknown", "awaiting_report")
        world.clock.system_ahead -= 2 * HOUR
        assert await righting(desk).round() == 0
        hint = Notification("ntf_1", found.id, Approved("n1", 2_000, "usd"))
        assert await inbox.take("sandbox", hint, b"{}", evidence=False)
        found = await resolved(world, 1 * SECOND)
        assert charges(world, found.id) == 1, "charged twice"

    at(f"forgets:{2 * HOUR}", scenario)


def test_a_clock_set_back_by_a_minute_is_seen(at: Play) -> None:
    """`promises.md`: one that was wrong by less than half a minute may go unseen. This one is wrong by a minute."""

    async def scenario(world: World, desk: Desk) -> None:
        await lost(world)
        world.clock.system_ahead -= 1 * MINUTE
        await righting(desk).round()
        # 61 seconds go by: the worker has looked all the time, and it is due by its lease.
        world.clock.system_ahead += 61 * SECOND
        await righting(desk).round()
        found = await resolved(world, 1 * SECOND)
        assert charges(world, found.id) == 1, "62 seconds old, remembered for 60, charged twice"

    at("forgets:60000", scenario)


def test_what_was_sent_in_the_future_is_overdue_when_it_is(at: Play) -> None:
    """A month ahead when it was sent, put right at once; then four days go by, and a month less a day."""

    async def scenario(world: World, desk: Desk) -> None:
        world.clock.system_ahead = 30 * DAY
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        assert (await sale(world)).status == "processing"
        world.clock.system_ahead = 0
        await righting(desk).round()
        world.clock.system_ahead = 4 * DAY
        [since] = (await owed(world.reader, BOOK)).values()
        told = await TellingOverdue(Book(BOOK, False), desk).round()
        fetched = _days(since, world.clock.system())
        found = await attempt(world)
        assert found.state == "unknown"
        assert told or fetched, "no report is read, and nobody is told"

    at("mute", scenario)


def test_a_refund_that_was_accepted_in_the_future_is_asked_about_now(at: Play) -> None:
    """A month ahead when the acquirer said "later", and put right at once: nobody asks for a month, and nobody is told."""

    async def scenario(world: World, desk: Desk) -> None:
        charge = await world.sale(10_000, REFUND_PENDING)
        world.clock.system_ahead = 30 * DAY
        refund = await world.refund(charge, 4_000)
        assert refund.state is RefundState.ACCEPTED
        world.clock.system_ahead = 0
        duty = EndingLeasesAhead(
            "leases", Book(BOOK, False), desk, TIMING.longest_lease_ms, refunds_ahead,
            EndRefundLeases,
        )  # fmt: skip
        await duty.round()
        world.clock.system_ahead = 7 * DAY
        told = await TellingOverdue(Book(BOOK, False), desk).round()
        assert told or refund.id in await world.due(), "a week later it is not due, and no alarm"

    at("honours", scenario)
