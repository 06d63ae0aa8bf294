"""Failures that payment systems are publicly known for, played against ours. Each name is the failure's.

The judge is the acquirers' own books; where a failure is of a whole room, README.md says which test there has it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.answer import Refusal
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import CardDetails
from nostro.kernel.queries import load
from nostro.kernel.secret import Cvc, Pan
from nostro.kernel.table import text_array
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.due import due_attempts
from nostro.payments.model import Attempt, Intent, Terms
from nostro.payments.service import Reply
from nostro.payments.store import ATTEMPTS, INTENTS
from nostro.refunds.machine import RefundState
from tests.refunds.world import BOOK, LEASE_MS, VISA, World, a_world, answer_of, refusal_of
from tests.sandbox.process import SandboxProcess, eventually
from tests.work.test_duties import OnFile

CHECKS = load("nostro.verification")
ARRIVES_MS = 600
Scenario = Callable[[World], Awaitable[None]]
Play = Callable[..., None]
Pair = tuple[SandboxProcess, SandboxProcess]


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("second"))
    yield process
    assert process.terminate() == 0


@pytest.fixture
def play(database: ConnectionUrls, tmp_path: Path, second: SandboxProcess) -> Play:
    """Runs a scenario at a first acquirer of a manner, with a second that honours everything."""

    async def played(first: SandboxProcess, manner: str, scenario: Scenario) -> None:
        async with a_world(database, first, FeeSchedule(), manner, {"second": second}) as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)
            for check in ("charge_attempts", "intents", "keys_in_flight", "events", "hold_owners"):
                assert await world.reader.fetch(CHECKS[check], BOOK) == [], check

    def run(scenario: Scenario, manner: str = "honours") -> None:
        first = SandboxProcess(tmp_path / "first", "--manner", manner)
        try:
            asyncio.run(played(first, manner, scenario))
        finally:
            assert first.terminate() == 0

    return run


async def pay(world: World, key: str | None = None, cvc: bool = False) -> Reply:
    method = await world.run(OnFile(BOOK, world.entropy.bytes(16)))
    card = CardDetails(Pan(VISA), 12, 2049, Cvc("123") if cvc else None)
    changes = Changes(2_000, "usd", None, "automatic", Terms(), MethodChoice(method))
    merchant = world.keyed(key) if key else world.merchant
    return await world.payments.create(merchant, changes, True, card)


def intent_of(reply: Reply) -> Intent:
    return msgspec.json.decode(answer_of(reply).snapshot, type=Intent)


async def attempts(world: World) -> list[Attempt]:
    rows = await world.reader.fetch(
        "SELECT id FROM nostro.payment_attempts WHERE book_id = $1", BOOK
    )
    found = await world.reader.fetch(ATTEMPTS.read, BOOK, text_array([row[0] for row in rows]))
    return [ATTEMPTS.decode(row) for row in found]


async def intent(world: World) -> Intent:
    rows = await world.reader.fetch(
        "SELECT id FROM nostro.payment_intents WHERE book_id = $1", BOOK
    )
    found = await world.reader.fetch(INTENTS.read, BOOK, text_array([rows[0][0]]))
    return INTENTS.decode(found[0])


async def resolve(world: World) -> Attempt:
    """A worker comes, long after."""
    world.clock.system_ahead += LEASE_MS + 120_000
    await world.payments.resolve(world.merchant, (await attempts(world))[0].id)
    return (await attempts(world))[0]


async def on_its_way(world: World) -> Attempt:
    """The attempt that is delayed in the network, with its lease over."""
    await asyncio.sleep(ARRIVES_MS / 3_000)
    world.clock.system_ahead += LEASE_MS
    found = await due_attempts(world.reader, BOOK, world.clock.system(), 10)
    [attempt] = [each for each in await attempts(world) if each.id == found[0].id]
    return attempt


def standing(sandbox: SandboxProcess, reference: str) -> list[str]:
    return [line["state"] for line in sandbox.book() if line["reference"] == reference]


def test_reply_lost_after_charge_with_polling_exhausted_stays_unknown(play: Play) -> None:
    """Elsewhere: no answer after some polls, so it is told as failed, and the customer was charged."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        world.sandbox.fault(fault="error_before", operation="inquire")
        assert intent_of(await pay(world)).status == "processing"
        for _ in range(30):
            assert (await resolve(world)).state == "unknown"
        assert (await intent(world)).status == "processing"
        assert "charge.failed" not in await world.events()
        world.sandbox.call("DELETE", "/control/faults")
        found = await resolve(world)
        assert (found.state, found.sends) == ("approved", 1)
        assert standing(world.sandbox, found.id) == ["approved"]

    play(scenario)


@pytest.mark.parametrize("manner", ["honours", "ignores-send-by"])
def test_not_found_followed_by_the_late_original_is_charged_once(play: Play, manner: str) -> None:
    """Elsewhere: "not found" is taken for "never happened", and the original arrives after it."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(
            fault="delay_before", operation="authorize", count=1, delay_ms=ARRIVES_MS
        )
        asked = asyncio.create_task(pay(world, "late"))
        attempt = await on_its_way(world)
        assert standing(world.sandbox, attempt.id) == [], "not found"
        settled = await world.payments.resolve(world.merchant, attempt.id)
        assert settled is not None and settled.applied
        await asked
        [found] = await attempts(world)
        assert (found.state, found.sends) == ("approved", 2)
        assert standing(world.sandbox, found.id) == ["approved"]
        assert (await intent(world)).status == "succeeded"

    play(scenario, manner)


@pytest.mark.parametrize("manner", ["honours", "no-inquiry", "ignores-send-by"])
def test_late_approval_after_cancel_is_refused_there_and_changes_nothing_here(
    play: Play, manner: str
) -> None:
    """Elsewhere: a reversal is answered, and the late approval then stands."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(
            fault="delay_before", operation="authorize", count=1, delay_ms=ARRIVES_MS
        )
        asked = asyncio.create_task(pay(world, "cancelled", cvc=True))
        attempt = await on_its_way(world)
        settled = await world.payments.resolve(world.merchant, attempt.id)
        assert settled is not None and isinstance(settled.answer, Refusal)
        assert await asked == settled.answer
        [found] = await attempts(world)
        assert found.state == "undone"
        assert "approved" not in standing(world.sandbox, found.id)
        assert (await intent(world)).status == "requires_payment_method"

    play(scenario, manner)


@pytest.mark.parametrize("fault", ["error_before", "error_after"])
def test_a_5xx_never_fails_over(play: Play, second: SandboxProcess, fault: str) -> None:
    """Elsewhere: a 500 counts as retryable at another processor; it may have charged."""

    async def scenario(world: World) -> None:
        before = len(second.book())
        world.sandbox.fault(fault=fault, operation="authorize", count=3)
        assert intent_of(await pay(world)).status == "processing"
        while (await resolve(world)).state == "unknown":
            assert len(await attempts(world)) == 1
        [found] = await attempts(world)
        assert (found.acquirer, found.state) == ("sandbox", "approved")
        assert standing(world.sandbox, found.id) == ["approved"]
        assert len(second.book()) == before

    play(scenario)


def listens(sandbox: SandboxProcess) -> bool:
    try:
        return bool(sandbox.call("GET", "/health")[0] == 200)
    except OSError:
        return False


def test_a_refused_connection_on_a_replay_never_fails_over(
    play: Play, second: SandboxProcess
) -> None:
    """Elsewhere: "connection refused" is safe to send elsewhere. Of a first send it is; of a repeat it says nothing."""

    async def scenario(world: World) -> None:
        before = len(second.book())
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        assert intent_of(await pay(world)).status == "processing"
        world.sandbox.fault(fault="refuse", operation="*", delay_ms=700)
        await asyncio.to_thread(eventually, lambda: not listens(world.sandbox))
        found = await resolve(world)
        assert (found.state, found.sends) == ("unknown", 2)
        assert "concludes nothing" in str(found.evidence)
        await asyncio.to_thread(eventually, lambda: listens(world.sandbox))
        found = await resolve(world)
        assert (found.state, found.sends) == ("approved", 3)
        assert standing(world.sandbox, found.id) == ["approved"]
        assert len(second.book()) == before

    play(scenario, "no-inquiry")


def test_a_wrong_amount_is_not_booked(play: Play) -> None:
    """Elsewhere: whatever amount comes back is booked as paid."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="wrong_amount", operation="authorize", count=1)
        world.sandbox.fault(fault="wrong_amount", operation="inquire", count=5)
        assert intent_of(await pay(world)).status == "processing"
        for _ in range(5):
            assert (await resolve(world)).state == "unknown"
        assert (await intent(world)).amount_received == 0
        assert (await world.balances())["pending"].free == 0
        assert (await resolve(world)).state == "approved"
        assert (await world.balances())["pending"].free == 2_000

    play(scenario)


def test_retry_with_a_new_key_on_the_same_intent_charges_once(play: Play) -> None:
    """Elsewhere: after a failure the client retries under a fresh key, and pays twice."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        first = intent_of(await pay(world, "one"))
        method = await world.run(OnFile(BOOK, world.entropy.bytes(16)))
        changes = Changes(method=MethodChoice(method))
        retried = await world.payments.confirm(world.keyed("two"), first.id, changes, {})
        assert refusal_of(retried).code == "lock_timeout"
        await resolve(world)
        retried = await world.payments.confirm(world.keyed("three"), first.id, changes, {})
        assert refusal_of(retried).code == "payment_intent_unexpected_state"
        [found] = await attempts(world)
        assert [line["reference"] for line in world.sandbox.book()] == [found.id]

    play(scenario)


def test_exactly_what_remains_can_be_refunded_and_not_a_cent_more(play: Play) -> None:
    """Elsewhere: the exact rest is refused, or two refunds at once exceed the charge, or a negative one passes."""

    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        for amount in (3_333, 3_333, 3_334):
            assert (await world.refund(charge, amount)).state == RefundState.SUCCEEDED
        refusal_of(await world.ask(charge, 1))
        other = await world.sale(10_000)
        replies = await asyncio.gather(*[world.ask(other, 6_000) for _ in range(2)])
        assert sorted(isinstance(reply, Refusal) for reply in replies) == [False, True]
        assert (await world.refund(other)).amount == 4_000, "all that remains"
        assert (await world.charge(other.id)).amount_refunded == 10_000

    play(scenario)
