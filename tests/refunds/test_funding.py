"""Where a refund takes its money from, and what happens while there is none."""

import asyncio

from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Declined
from nostro.refunds.machine import RefundState
from tests.refunds.conftest import Play
from tests.refunds.test_outcomes import lose
from tests.refunds.world import World


def test_before_its_day_it_is_taken_from_pending(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        await world.top_up(50_000)
        refund = await world.refund(charge, 4_000)
        assert refund.from_pending
        assert await world.counts_on(refund) == charge.available_on
        assert await world.free() == (6_000, 50_000)
        assert await world.release(charge)
        assert await world.free() == (0, 56_000)

    play(scenario)


def test_after_its_day_it_is_taken_from_available(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        await world.release(charge)
        await world.sale(7_000)
        refund = await world.refund(charge, 4_000)
        assert not refund.from_pending
        assert await world.counts_on(refund) <= world.clock.business()
        assert await world.free() == (7_000, 6_000)

    play(scenario)


def test_a_day_that_has_come_and_is_not_released_yet_still_covers_it(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        world.clock.business_ahead += 5 * 86_400_000
        refund = await world.refund(charge, 4_000)
        assert refund.from_pending
        assert refund.state is RefundState.SUCCEEDED
        await world.release(charge)
        assert await world.free() == (0, 6_000)

    play(scenario)


def test_a_day_released_while_its_refund_is_under_way_keeps_the_hold(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "reply_lost")
        refund = await world.refund(charge, 4_000)
        assert await world.release(charge)
        assert await world.free() == (0, 6_000)
        assert (await world.balances())["pending"].owed == 4_000
        assert (await world.resolve(refund)).state is RefundState.SUCCEEDED
        assert (await world.balances())["pending"].owed == 0
        assert await world.free() == (0, 6_000)

    play(scenario)


def test_refused_after_its_day_was_released_the_money_goes_on_to_available(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        lose(world, "request_lost")
        refund = await world.refund(charge, 4_000)
        await world.release(charge)
        await world.refunds.settle(world.merchant, refund, charge, Declined("do_not_honor"))
        assert await world.free() == (0, 10_000)
        assert (await world.balances())["pending"].owed == 0

    play(scenario)


def test_without_money_it_waits_unsent_until_a_top_up_covers_it(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        refund = await world.refund(charge)
        assert (refund.state, refund.status, refund.sends) == (RefundState.WAITING, "pending", 0)
        assert refund.hold is None
        assert (await world.charge(charge.id)).refunds_reserved == 10_000
        refund = await world.resolve(refund)
        assert refund.state is RefundState.WAITING
        assert await world.sent(refund) is None
        await world.top_up(10_000)
        world.clock.system_ahead += 30_000
        assert await world.due() == [refund.id]
        refund = await world.resolve(refund)
        assert (refund.state, refund.sends) == (RefundState.SUCCEEDED, 1)
        assert await world.free() == (9_680, 0)
        assert await world.events() == [
            "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
            "refund.created", "refund.updated", "refund.updated", "charge.refunded",
            "charge.refund.updated",
        ]  # fmt: skip

    play(scenario, FeeSchedule(290, 30))


def test_what_waits_counts_as_refunded_for_others(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        assert (await world.refund(charge)).state is RefundState.WAITING
        reply = await world.ask(charge, 1)
        assert getattr(reply, "code", None) == "charge_already_refunded"

    play(scenario, FeeSchedule(290, 30))


def test_a_negative_balance_makes_refunds_wait(play: Play) -> None:
    """The other sale's money went with refunds of money that was owed back after fees."""

    async def scenario(world: World) -> None:
        first, second = await world.sale(10_000), await world.sale(10_000)
        await world.release(first)
        assert (await world.refund(first)).state is RefundState.SUCCEEDED
        waiting = await world.refund(second)
        assert waiting.state is RefundState.WAITING
        assert await world.free() == (0, 9_360)
        await world.top_up(1_000)
        assert (await world.resolve(waiting)).state is RefundState.SUCCEEDED
        assert await world.free() == (0, 360)

    play(scenario, FeeSchedule(290, 30))


def test_concurrent_refunds_never_take_the_same_money_twice(play: Play) -> None:
    async def scenario(world: World) -> None:
        charges = [await world.sale(10_000) for _ in range(4)]
        await world.release(charges[0])
        refunds = await asyncio.gather(*(world.refund(charge) for charge in charges))
        states = sorted(refund.state for refund in refunds)
        assert states == [RefundState.SUCCEEDED] * 3 + [RefundState.WAITING]
        assert (await world.balances())["available"].free >= 0

    play(scenario, FeeSchedule(290, 30))
