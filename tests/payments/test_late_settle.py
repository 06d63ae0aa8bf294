"""An instance that stalled between intend and settle: it answers what the key was answered, never something else."""

import asyncio

from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Refusal, decode
from nostro.kernel.ports import CardDetails
from nostro.kernel.queries import load
from nostro.kernel.secret import Cvc, Pan
from nostro.payments.claim import ClaimAttempt
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.due import due_attempts
from nostro.payments.model import Terms
from nostro.payments.service import Reply
from nostro.refunds.claim import ClaimRefund
from nostro.refunds.commands import RefundRequest
from tests.refunds.conftest import Play
from tests.refunds.world import BOOK, LEASE_MS, VISA, KeepMethod, World

CHECKS = load("nostro.verification")
ARRIVES_MS = 700


async def pay(world: World, key: str, method: str) -> Reply:
    """A sale whose card came with its code, so that nobody may send it again."""
    card = CardDetails(Pan(VISA), 12, 2049, Cvc("123"))
    changes = Changes(10_000, "usd", None, "automatic", Terms(), MethodChoice(method))
    return await world.payments.create(world.keyed(key), changes, True, card)


async def a_method(world: World) -> str:
    return await world.run(KeepMethod(BOOK, world.entropy.bytes(16), "acct_shop"))


async def sent(world: World) -> str:
    """The attempt that is on its way, with its lease over."""
    await asyncio.sleep(ARRIVES_MS / 2_000)
    world.clock.system_ahead += LEASE_MS
    found = await due_attempts(world.reader, BOOK, world.clock.system(), 10)
    return found[0].id


def slow(world: World, operation: str) -> None:
    """The next message reaches the acquirer's book late."""
    world.sandbox.fault(
        fault="delay_before", operation=operation, rate=1, count=1, delay_ms=ARRIVES_MS
    )


def test_it_answers_what_the_worker_found_and_saved(play: Play) -> None:
    async def scenario(world: World) -> None:
        method = await a_method(world)
        slow(world, "authorize")
        asked = asyncio.create_task(pay(world, "late", method))
        settled = await world.payments.resolve(world.merchant, await sent(world))
        assert settled is not None and isinstance(settled.answer, Refusal), "cancelled by reference"
        first, again = await asked, await pay(world, "late", method)
        assert isinstance(again, Replayed)
        assert first == decode(again.answer) == settled.answer

    play(scenario)


def in_use(answer: object) -> bool:
    return isinstance(answer, Refusal) and answer.code == "idempotency_key_in_use"


async def keys_off(world: World) -> list[str]:
    """The keys that verification would name."""
    return [row[0] for row in await world.reader.fetch(CHECKS["keys_in_flight"], BOOK)]


def test_while_a_worker_is_at_it_the_key_is_in_use_and_the_worker_answers_it(play: Play) -> None:
    """Saved now, "processing" would be answered under the key while its attempt is still being sent."""

    async def scenario(world: World) -> None:
        method = await a_method(world)
        slow(world, "authorize")
        asked = asyncio.create_task(pay(world, "overtaken", method))
        attempt = await sent(world)
        until = world.clock.system()
        await world.run(ClaimAttempt(BOOK, world.entropy.bytes(16), attempt, "worker", until))
        assert in_use(await asked)
        assert await keys_off(world) == []
        assert in_use(await pay(world, "overtaken", method))
        settled = await world.payments.resolve(world.merchant, attempt)
        assert settled is not None and settled.applied
        again = await pay(world, "overtaken", method)
        assert isinstance(again, Replayed) and decode(again.answer) == settled.answer

    play(scenario)


def test_a_late_refund_leaves_the_key_to_who_holds_the_refund(play: Play) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        slow(world, "refund")
        request = RefundRequest(charge.id)
        asked = asyncio.create_task(world.refunds.create(world.keyed("refund"), request))
        await asyncio.sleep(ARRIVES_MS / 2_000)
        world.clock.system_ahead += LEASE_MS
        refund, until = (await world.due())[0], world.clock.system()
        await world.run(ClaimRefund(BOOK, world.entropy.bytes(16), refund, "worker", until))
        assert in_use(await asked)
        assert await keys_off(world) == []
        settled = await world.refunds.resolve(world.merchant, refund)
        assert settled is not None and settled.applied
        again = await world.refunds.create(world.keyed("refund"), request)
        assert isinstance(again, Replayed) and decode(again.answer) == settled.answer

    play(scenario)
