"""A world whose acquirer can be asked nothing: it says what it did by its report alone, or unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from nostro.acquirers.sandbox_report import fetch_report
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, MINUTE, SystemTime
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import Report
from nostro.kernel.queries import load
from nostro.kernel.secret import Secret
from nostro.merchants.service import Merchants
from nostro.notifications.reports import Reports
from nostro.notifications.service import Inbox
from tests.payments.test_manners import attempt, sale
from tests.refunds.world import ACCOUNT, BOOK, World, a_world
from tests.sandbox.process import SandboxProcess

CHECKS = load("nostro.verification")


class Told:
    """The world, and what reads its acquirer's words."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = f"http://127.0.0.1:{world.sandbox.port}"
        self.merchants = Merchants(world.reader, Secret("h" * 40), world.clock, world.entropy)
        self.inbox = Inbox(
            lambda _: world.committer, world.reader, {}, self.merchants, world.payments,
            world.refunds, world.entropy,
        )  # fmt: skip
        self.reports = Reports(world.reader, self.inbox, self.merchants)

    async def report(self) -> Report:
        """Today's, as the acquirer would give it tomorrow."""
        return await fetch_report(self.url, datetime.now(UTC).date())

    @property
    def tomorrow(self) -> SystemTime:
        """When today's report is final."""
        now = self.world.clock.system()
        return SystemTime(now - now % DAY + DAY + 10 * MINUTE)

    async def lost(self, fault: str = "reply_lost") -> str:
        """A sale whose answer was lost."""
        self.world.sandbox.fault(fault=fault, operation="authorize", count=1)
        await sale(self.world)
        return (await attempt(self.world)).id


async def told_in(world: World) -> Told:
    """The reader of a world, whose book has one account."""
    told = Told(world)
    await told.merchants.open_book(BOOK, False, "test")
    await told.merchants.create_account("Shop", account=ACCOUNT, books=(BOOK, BOOK))
    return told


@asynccontextmanager
async def a_mute_world(database: ConnectionUrls, sandbox: SandboxProcess) -> AsyncIterator[Told]:
    """A world with one account, whose books add up at the end."""
    async with a_world(database, sandbox, FeeSchedule(), "mute") as world:
        await world.payments._cards.open_for_business(world.reader)
        yield await told_in(world)
        for check in ("charge_attempts", "intents", "keys_in_flight", "events", "hold_owners"):
            assert await world.reader.fetch(CHECKS[check], BOOK) == [], check


Scenario = Callable[[Told], Awaitable[None]]
Play = Callable[[Scenario], None]
