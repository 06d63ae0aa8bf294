"""Payments and refunds at acquirers of every manner: what is lost is resolved by what each can be asked, or waits."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import CardDetails
from nostro.kernel.secret import Cvc, Pan
from nostro.kernel.table import text_array
from nostro.payments import queues as attempt_queues
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.ladder import Awaiting
from nostro.payments.model import Attempt, Intent, Terms
from nostro.payments.store import ATTEMPTS
from nostro.refunds import queues as refund_queues
from nostro.refunds.machine import RefundState
from tests.refunds.judge import judge
from tests.refunds.world import BOOK, LEASE_MS, VISA, World, a_world, answer_of
from tests.sandbox.process import SandboxProcess
from tests.work.test_duties import OnFile

WINDOW_MS = 600
Scenario = Callable[[World], Awaitable[None]]
Play = Callable[[str, Scenario], None]


@pytest.fixture
def at(database: ConnectionUrls, tmp_path: Path) -> Play:
    """Plays a scenario at an acquirer of a manner, `forgets:WINDOW` with that window, and judges the books."""

    async def played(sandbox: SandboxProcess, manner: str, scenario: Scenario) -> None:
        async with a_world(database, sandbox, FeeSchedule(), manner) as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)
            if sandbox.options[1] not in ("no-inquiry", "mute"):
                await judge(world)

    def run(manner: str, scenario: Scenario) -> None:
        name, _, window = manner.partition(":")
        options = ("--manner", name, *(("--forget-after-ms", window) if window else ()))
        sandbox = SandboxProcess(tmp_path / "book", *options)
        try:
            asyncio.run(played(sandbox, manner, scenario))
        finally:
            assert sandbox.terminate() == 0

    return run


async def sale(world: World, cvc: bool = False, capture: str = "automatic") -> Intent:
    method = await world.run(OnFile(BOOK, world.entropy.bytes(16)))
    card = CardDetails(Pan(VISA), 12, 2049, Cvc("123") if cvc else None)
    changes = Changes(2_000, "usd", None, capture, Terms(), MethodChoice(method))
    reply = await world.payments.create(world.merchant, changes, True, card)
    return msgspec.json.decode(answer_of(reply).snapshot, type=Intent)


async def attempt(world: World) -> Attempt:
    """The only attempt."""
    rows = await world.reader.fetch(
        "SELECT id FROM nostro.payment_attempts WHERE book_id = $1", BOOK
    )
    found = await world.reader.fetch(ATTEMPTS.read, BOOK, text_array([rows[-1][0]]))
    return ATTEMPTS.decode(found[0])


async def resolved(world: World, later_ms: int = LEASE_MS) -> Attempt:
    """The attempt after a worker has come to it."""
    world.clock.system_ahead += later_ms
    await world.payments.resolve(world.merchant, (await attempt(world)).id)
    return await attempt(world)


def charges(world: World, reference: str) -> int:
    return sum(line["reference"] == reference for line in world.sandbox.book())


@pytest.mark.parametrize("manner", ["honours", "no-inquiry", "ignores-send-by"])
@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_a_lost_sale_is_found_or_repeated_and_charged_once(
    at: Play, manner: str, fault: str
) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault=fault, operation="authorize", count=1)
        assert (await sale(world)).status == "processing"
        found = await resolved(world)
        repeated = manner == "no-inquiry" or fault == "request_lost"
        assert (found.state, found.sends) == ("approved", 2 if repeated else 1)
        assert charges(world, found.id) == 1

    at(manner, scenario)


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_a_code_that_may_not_be_repeated_is_cancelled_unasked(at: Play, fault: str) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault=fault, operation="authorize", count=1)
        await sale(world, cvc=True)
        found = await resolved(world)
        assert (found.state, found.sends) == ("undone", 1)
        assert [line["state"] for line in world.sandbox.book()] in ([], ["cancelled"])

    at("no-inquiry", scenario)


def test_within_the_window_a_forgetful_one_is_asked_like_any_other(at: Play) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="request_lost", operation="authorize", count=1)
        await sale(world)
        world.clock.system_ahead -= LEASE_MS  # the worker comes at once
        found = await resolved(world, LEASE_MS + 4_000)
        assert (found.state, found.sends) == ("approved", 2)
        assert charges(world, found.id) == 1

    at("forgets:60000", scenario)


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_after_the_window_nothing_is_repeated_and_nothing_is_called_cancelled(
    at: Play, fault: str
) -> None:
    """Not found may be charged, and a repeat would charge again: it waits for the report."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault=fault, operation="authorize", count=1)
        await sale(world)
        await asyncio.sleep(WINDOW_MS / 1_000)
        for _ in range(5):
            found = await resolved(world)
            assert (found.state, found.sends) == ("unknown", 1)
            assert found.awaiting == Awaiting.REPORT
        assert charges(world, found.id) == (fault == "reply_lost")
        assert world.sandbox.call("GET", "/v1/book/summary")[1]["tombstones"] == 0

    at(f"forgets:{WINDOW_MS}", scenario)


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_a_mute_one_leaves_it_in_the_queue_from_the_first(at: Play, fault: str) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault=fault, operation="authorize", count=1)
        intent = await sale(world)
        assert intent.status == "processing"
        found = await attempt(world)
        assert (found.state, found.awaiting) == ("unknown", Awaiting.REPORT)
        assert found.lease_until > world.clock.system() + 50 * 60_000, "nobody asks in vain"
        found = await resolved(world, 61 * 60_000)
        assert (found.state, found.sends, found.awaiting) == ("unknown", 1, Awaiting.REPORT)
        [queue] = await attempt_queues.queues(world.reader, BOOK)
        assert (queue.name, queue.count, queue.oldest_ms) == (
            "awaiting_report", 1, found.created_ms
        )  # fmt: skip
        [row] = await attempt_queues.waiting(world.reader, BOOK, Awaiting.REPORT, 10)
        assert (row.id, row.operation, row.amount) == (found.id, "sale", 2_000)

    at("mute", scenario)


def test_a_definitive_answer_needs_no_manners(at: Play) -> None:
    async def scenario(world: World) -> None:
        assert (await sale(world)).status == "succeeded"
        assert (await attempt(world)).awaiting is None
        assert await attempt_queues.queues(world.reader, BOOK) == []

    at("mute", scenario)


@pytest.mark.parametrize(
    ("manner", "state"),
    [("honours", "succeeded"), ("no-inquiry", "succeeded"), ("mute", "unknown")],
)
def test_a_lost_refund_goes_the_same_way(at: Play, manner: str, state: str) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await world.refund(charge, 4_000)
        assert refund.state == RefundState.UNKNOWN
        world.clock.system_ahead += 61 * 60_000
        refund = await world.resolve(refund)
        assert refund.state == state
        refunds = [line for line in world.sandbox.book() if line["operation"] == "refund"]
        assert len(refunds) == 1
        waiting = await refund_queues.queues(world.reader, BOOK)
        assert [queue.name for queue in waiting] == (
            ["awaiting_report"] if manner == "mute" else []
        )

    at(manner, scenario)
