"""What the acquirer and the network do to a refund: lost, refused, decided later, failed after success."""

import asyncio

import pytest

from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Answer, decode
from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import Declined, NotSent, Pending, Rejected
from nostro.payments.service import Reply
from nostro.refunds.claim import ClaimRefund, CountRefundSend
from nostro.refunds.commands import RefundRequest
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund
from tests.refunds.conftest import Play
from tests.refunds.world import (
    BOOK,
    LEASE_MS,
    REFUND_FAILS,
    REFUND_PENDING,
    World,
    answer_of,
    refund_of,
)

MATURED_S = 0.25


def lose(world: World, fault: str, count: int = 1) -> None:
    world.sandbox.fault(fault=fault, operation="refund", rate=1, count=count)


def test_a_lost_reply_leaves_it_pending_until_it_is_found(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "reply_lost")
        refund = await world.refund(charge, 4_000)
        assert (refund.state, refund.status) == (RefundState.UNKNOWN, "pending")
        assert (await world.charge(charge.id)).refunds_reserved == 4_000
        assert await world.due() == [], "it is not asked about at once"
        resolved = await world.resolve(refund)
        assert (resolved.state, resolved.sends) == (RefundState.SUCCEEDED, 1)

    play(scenario)


def test_a_lost_request_is_replayed_under_the_same_reference(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost")
        refund = await world.refund(charge, 4_000)
        assert await world.sent(refund) is None
        resolved = await world.resolve(refund)
        assert (resolved.state, resolved.sends) == (RefundState.SUCCEEDED, 2)
        assert await world.sent(refund) is not None

    play(scenario)


def test_a_replay_lost_again_stays_unknown_and_is_asked_about_again(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost", count=2)
        refund = await world.resolve(await world.refund(charge, 4_000))
        assert (refund.state, refund.sends) == (RefundState.UNKNOWN, 2)
        refund = await world.resolve(refund)
        assert (refund.state, refund.sends) == (RefundState.SUCCEEDED, 3)

    play(scenario)


def test_a_refused_replay_is_ended_by_a_tombstone(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        before = await world.balances()
        lose(world, "request_lost")
        refund = await world.refund(charge, 4_000)
        refund_elsewhere(world, charge.reference, 10_000)
        resolved = await world.resolve(refund)
        assert (resolved.state, resolved.sends) == (RefundState.FAILED, 2)
        assert await world.balances() == before
        status, late = world.sandbox.post(
            "refund", reference=refund.id, original=charge.reference, amount=4_000, currency="usd"
        )
        assert (status, late["error"]) == (400, "cancelled_reference"), "a late original is refused"

    play(scenario)


def refund_elsewhere(world: World, reference: str, amount: int) -> None:
    """Behind our back, so that the acquirer refuses ours."""
    world.sandbox.approve(
        "refund", reference=f"else_{reference}", original=reference, amount=amount, currency="usd"
    )
    world.refunded_elsewhere = amount


def test_a_refused_refund_restores_everything(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        before, free = await world.balances(), await world.free()
        refund_elsewhere(world, charge.reference, 10_000)
        refund = await world.refund(charge, 4_000)
        assert (refund.state, refund.failure_reason) == (RefundState.FAILED, "unknown")
        assert refund.balance_transaction is None
        assert (await world.balances(), await world.free()) == (before, free)
        assert (await world.charge(charge.id)) == charge
        assert (await world.events())[-3:] == [
            "refund.created", "refund.failed", "charge.refund.updated"
        ]  # fmt: skip
        assert await world.release(charge), "its day releases the full amount"
        assert await world.free() == (0, 10_000)

    play(scenario)


def test_a_refund_that_never_left_fails(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        before = await world.balances()
        world.sandbox.fault(fault="refuse", delay_ms=400)
        await asyncio.sleep(0.1)
        refund = await world.refund(charge)
        await asyncio.sleep(0.5)
        assert refund.state is RefundState.FAILED, refund.evidence
        assert await world.balances() == before

    play(scenario)


def test_a_pending_refund_is_polled_until_it_succeeds(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000, REFUND_PENDING)
        refund = await world.refund(charge)
        assert (refund.state, refund.status) == (RefundState.ACCEPTED, "pending")
        assert (await world.balances())["pending"].free == 0
        refund = await world.resolve(refund)
        assert refund.state is RefundState.ACCEPTED
        await asyncio.sleep(MATURED_S)
        refund = await world.resolve(refund)
        assert refund.state is RefundState.SUCCEEDED
        assert (await world.events()).count("charge.refunded") == 1

    play(scenario)


def test_a_pending_refund_that_is_declined_restores_everything(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        before = await world.balances()
        lose(world, "request_lost")
        refund = await world.refund(charge)
        for evidence in (Pending("a", 100), Declined("lost_card")):
            await world.refunds.settle(world.merchant, refund, charge, evidence)
        refund = await world.again(refund)
        assert (refund.state, refund.failure_reason) == (RefundState.FAILED, "lost_card")
        assert await world.balances() == before

    play(scenario)


def test_what_was_acknowledged_is_never_sent_again(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost")
        refund = await world.refund(charge)
        await world.refunds.settle(world.merchant, refund, charge, Pending("a", 100))
        refund = await world.resolve(refund)
        assert (refund.state, refund.sends) == (RefundState.ACCEPTED, 1)
        assert await world.sent(refund) is None

    play(scenario)


@pytest.mark.parametrize("released", [False, True])
def test_it_may_fail_after_success(play: Play, released: bool) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000, REFUND_FAILS)
        if released:
            await world.release(charge)
        refund = await world.refund(charge, 3_000)
        assert (refund.state, refund.status) == (RefundState.PROVISIONAL, "succeeded")
        assert (await world.charge(charge.id)).amount_refunded == 3_000
        await asyncio.sleep(MATURED_S)
        refund = await world.resolve(refund)
        assert (refund.state, refund.failure_reason) == (
            RefundState.FAILED, "expired_or_canceled_card"
        )  # fmt: skip
        assert refund.failure_balance_transaction is not None
        assert refund.balance_transaction != refund.failure_balance_transaction
        charge = await world.charge(charge.id)
        assert (charge.amount_refunded, charge.refunds_reserved) == (0, 0)
        assert await world.free() == ((0, 10_000) if released else (7_000, 3_000))
        assert (await world.events())[-2:] == ["refund.failed", "charge.refund.updated"]
        assert (await world.refund(charge, 5_000)).amount == 5_000

    play(scenario)


def test_the_answer_to_a_repeat_says_that_it_failed_since(play: Play) -> None:
    """Its first answer was lost; a repeat's answer names the outcome of then, and the state of now."""

    async def scenario(world: World) -> None:
        charge = await world.sale(10_000, REFUND_FAILS)
        lose(world, "reply_lost")
        refund = await world.refund(charge, 3_000)
        assert refund.state is RefundState.UNKNOWN
        await asyncio.sleep(MATURED_S)
        counted = await world.refunds._decider(BOOK).run(
            CountRefundSend(BOOK, world.entropy.bytes(16), refund, later(world))
        )
        assert counted is not None
        assert isinstance(await world.refunds._call(counted), Declined)

    play(scenario)


def later(world: World) -> SystemTime:
    return SystemTime(world.clock.system() + 2_000)


def test_a_provisional_refund_is_polled_less_and_less_often(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.call("POST", "/control/settings", {"refund_delay_ms": 5_000})
        charge = await world.sale(10_000, REFUND_FAILS)
        refund = await world.refund(charge, 3_000)
        waits = []
        for _ in range(3):
            world.clock.system_ahead += max(0, refund.lease_until - world.clock.system())
            refund = await world.resolve(refund)
            assert refund.state is RefundState.PROVISIONAL
            waits.append(refund.lease_until - world.clock.system())
        world.sandbox.call("POST", "/control/settings", {"refund_delay_ms": 150})
        assert waits[0] < waits[1] < waits[2]

    play(scenario)


def test_another_amount_than_asked_for_is_not_believed(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "wrong_amount")
        refund = await world.refund(charge, 4_000)
        assert refund.state is RefundState.UNKNOWN
        assert (await world.resolve(refund)).state is RefundState.SUCCEEDED

    play(scenario)


def test_a_second_settle_changes_nothing(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        refund = await world.refund(charge, 4_000)
        late = await world.refunds.settle(world.merchant, refund, charge, Declined("stolen_card"))
        assert not late.applied
        assert (await world.again(refund)).state is RefundState.SUCCEEDED

    play(scenario)


def test_only_the_lease_holder_settles(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost")
        refund = await world.refund(charge, 4_000)
        assert await world.worker("w").resolve(world.merchant, refund.id) is None, "lease is on"
        world.clock.system_ahead += LEASE_MS
        lease = SystemTime(world.clock.system() + LEASE_MS)
        claim = ClaimRefund(BOOK, world.entropy.bytes(16), refund.id, "worker", lease)
        claimed, again = await world.run(claim), await world.run(claim)
        assert claimed is not None
        assert (claimed.epoch, again) == (refund.epoch + 1, None)
        late = await world.refunds.settle(world.merchant, refund, charge, Declined("late"))
        assert not late.applied
        assert (await world.again(refund)).state is RefundState.UNKNOWN
        settled = await world.refunds.settle(world.merchant, claimed, charge, Declined("timely"))
        assert settled.applied

    play(scenario)


@pytest.mark.parametrize("evidence", [Rejected("invalid_request"), NotSent("late")])
def test_a_refused_repeat_concludes_nothing(play: Play, evidence: Rejected | NotSent) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost")
        refund = await world.refund(charge, 4_000)
        settled = await world.refunds.settle(world.merchant, refund, charge, evidence)
        assert refund_of(settled.answer).state is RefundState.UNKNOWN

    play(scenario)


def test_an_unknown_outcome_is_answered_and_saved_as_pending(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "reply_lost")
        asked = RefundRequest(charge.id)
        first: Refund = refund_of(await world.refunds.create(world.keyed("k"), asked))
        assert first.status == "pending"
        await world.resolve(first)
        replay = await world.refunds.create(world.keyed("k"), asked)
        assert refund_of(decoded(replay)) == first

    play(scenario)


def decoded(reply: Reply) -> Answer:
    """The answer that was saved."""
    assert isinstance(reply, Replayed)
    return answer_of(decode(reply.answer))
