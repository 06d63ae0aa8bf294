"""Refunds that the merchant asks for and the acquirer does: amounts, limits, refusals, replays."""

import asyncio

import msgspec
import pytest

from nostro.events.emit import Origin
from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Refusal, decode
from nostro.kernel.clock import SystemTime
from nostro.payments.model import Charge
from nostro.refunds.commands import CreateRefund, RefundRequest, SendingRefund
from nostro.refunds.funding import Dispatch
from nostro.refunds.machine import RefundState
from tests.refunds.conftest import Play
from tests.refunds.world import BOOK, World, refund_of, refusal_of


def test_a_full_refund_gives_everything_back(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        refund = await world.refund(charge)
        assert (refund.state, refund.amount) == (RefundState.SUCCEEDED, 10_000)
        assert refund.balance_transaction is not None
        balances = await world.balances()
        assert balances["pending"].owed == balances["clearing"].owed == 0
        assert (await world.charge(charge.id)).amount_refunded == 10_000
        names = await world.events()
        assert names[-4:] == [
            "refund.created", "refund.updated", "charge.refunded", "charge.refund.updated"
        ]  # fmt: skip

    play(scenario)


def test_a_charge_is_refunded_in_parts_until_nothing_is_left(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        parts = [(await world.refund(charge, amount)).amount for amount in (1_000, 2_500, 500)]
        rest = await world.refund(charge)
        assert (*parts, rest.amount) == (1_000, 2_500, 500, 6_000)
        refusal = refusal_of(await world.ask(charge))
        assert refusal.code == "charge_already_refunded"
        assert refusal.message == f"Charge {charge.id} has already been refunded."

    play(scenario)


def test_more_than_is_left_is_refused_in_the_words_of_stripe(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(2_500)
        await world.refund(charge, 2_000)
        refusal = refusal_of(await world.ask(charge, 2_000))
        assert (refusal.status, refusal.param, refusal.code) == (400, "amount", None)
        assert refusal.message == (
            "Refund amount ($20.00) is greater than unrefunded amount on charge ($5.00)"
        )

    play(scenario)


def test_of_two_concurrent_refunds_of_60_of_100_exactly_one_wins(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        replies = await asyncio.gather(world.ask(charge, 6_000), world.ask(charge, 6_000))
        refused = [reply for reply in replies if isinstance(reply, Refusal)]
        assert len(refused) == 1
        assert refused[0].message.endswith("($40.00)")
        assert (await world.charge(charge.id)).amount_refunded == 6_000

    play(scenario)


def test_two_decided_in_one_batch_see_each_other(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        batches = world.committer.batches
        answers = await asyncio.gather(
            *(world.run(a_refund(world, charge, 6_000)) for _ in range(2)),
        )
        assert world.committer.batches == batches + 1
        assert [type(answer) for answer in answers] == [SendingRefund, Refusal]
        assert (await world.charge(charge.id)).refunds_reserved == 6_000

    play(scenario)


def a_refund(world: World, charge: Charge, amount: int) -> CreateRefund:
    """The command alone: nothing is sent for it."""
    now = world.clock.system()
    later = SystemTime(now + 5_000)
    return CreateRefund(
        BOOK, world.entropy.bytes(16), world.merchant.origin,
        RefundRequest(charge.id, amount=amount), charge, Dispatch("test", later, later, later),
    )  # fmt: skip


def test_the_charge_of_an_intent_is_refunded(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(4_000)
        asked = RefundRequest(intent=charge.intent, reason="duplicate", metadata={"order": "7"})
        refund = refund_of(await world.refunds.create(world.merchant, asked))
        assert (refund.charge, refund.reason) == (charge.id, "duplicate")
        assert refund.metadata == {"order": "7"}

    play(scenario)


def test_what_is_not_the_accounts_own_does_not_exist(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(4_000)
        stranger = msgspec.structs.replace(world.merchant, origin=Origin("acct_other", False))
        for asked, message in (
            (RefundRequest(charge.id), f"No such charge: '{charge.id}'"),
            (RefundRequest("ch_none"), "No such charge: 'ch_none'"),
            (RefundRequest(intent=charge.intent), f"No such payment_intent: '{charge.intent}'"),
        ):
            refusal = refusal_of(await world.refunds.create(stranger, asked))
            assert (refusal.status, refusal.message) == (404, message)

    play(scenario)


@pytest.mark.parametrize(
    ("amount", "words"), [(None, "has not been captured"), (100, "cannot partially refund")]
)
def test_what_was_not_captured_cannot_be_refunded(
    play: Play, amount: int | None, words: str
) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(4_000, capture="manual")
        refusal = refusal_of(await world.ask(charge, amount))
        assert refusal.status == 400
        assert words in refusal.message

    play(scenario)


def test_a_failed_charge_cannot_be_refunded(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(4_000, "4000000000000002")
        assert charge.status == "failed"
        assert refusal_of(await world.ask(charge)).status == 400
        asked = RefundRequest(intent=charge.intent)
        refusal = refusal_of(await world.refunds.create(world.merchant, asked))
        assert "does not have a successful charge" in refusal.message

    play(scenario)


def test_a_repeated_request_gets_the_first_answer(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(4_000)
        asked = RefundRequest(charge.id, amount=1_000)
        first = await world.refunds.create(world.keyed("k1"), asked)
        second = await world.refunds.create(world.keyed("k1"), asked)
        assert isinstance(second, Replayed)
        assert decode(second.answer) == first
        assert (await world.charge(charge.id)).amount_refunded == 1_000

    play(scenario)


def test_metadata_merges_and_nothing_can_be_cancelled(play: Play) -> None:
    async def scenario(world: World) -> None:
        refund = await world.refund(await world.sale(4_000))
        await world.refunds.update_metadata(world.merchant, refund.id, {"a": "1", "b": "2"})
        reply = await world.refunds.update_metadata(world.merchant, refund.id, {"a": "", "c": "3"})
        assert refund_of(reply).metadata == {"b": "2", "c": "3"}
        refusal = refusal_of(await world.refunds.cancel(world.merchant, refund.id))
        assert (refusal.status, "status of succeeded" in refusal.message) == (400, True)
        assert refusal_of(await world.refunds.cancel(world.merchant, "re_none")).status == 404

    play(scenario)
