"""A notification that comes while its message is on its way: before the acquirer's answer, or while that is settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Answer, encode
from nostro.kernel.outcome import Approved, Outcome, Pending, Unknown
from nostro.kernel.ports import CardDetails, Notification, PaymentMessage
from nostro.notifications.commands import TakeNotification
from nostro.notifications.model import NoteState
from nostro.refunds.commands import RefundRequest
from nostro.refunds.machine import RefundState
from tests.notifications.mute import Play, Told
from tests.payments.test_manners import attempt, sale
from tests.refunds.world import BOOK, REFUND_FAILS, World

Meanwhile = Callable[[str, Outcome], Awaitable[Outcome]]


class Overtaken(SandboxAcquirer):
    """The sandbox, and something that happens before its answer is heard: `meanwhile` gives what is heard instead."""

    meanwhile: Meanwhile

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        return await self.meanwhile(message.reference, await super().sale(message, card))

    async def refund(self, message: PaymentMessage) -> Outcome:
        return await self.meanwhile(message.reference, await super().refund(message))


def overtaken(world: World, meanwhile: Meanwhile) -> None:
    address = f"http://127.0.0.1:{world.sandbox.port}"
    acquirer = Overtaken(
        address, world.clock, "sandbox", 3_000, capabilities=world.acquirer.capabilities
    )
    acquirer.meanwhile = meanwhile
    world.acquirers["sandbox"] = acquirer


def test_whoever_is_told_second_is_told_what_was_saved(play: Play) -> None:
    """The notification says that a refund succeeded and may still fail; then the acquirer answers that it is pending."""

    async def scenario(told: Told) -> None:
        world, inbox = told.world, told.inbox

        async def meanwhile(reference: str, outcome: Outcome) -> Outcome:
            assert isinstance(outcome, Approved) and outcome.poll_after_ms is not None
            note = await inbox.take("sandbox", Notification("n1", reference, outcome), b"{}", True)
            assert note is not None and note.state is NoteState.APPLIED
            return Pending("x", 1_000)

        charge = await world.sale(10_000, REFUND_FAILS)
        overtaken(world, meanwhile)
        asked = world.keyed("once"), RefundRequest(charge.id, None, 4_000)
        first = await world.refunds.create(*asked)
        again = await world.refunds.create(*asked)
        assert isinstance(first, Answer) and isinstance(again, Replayed)
        assert again.answer == encode(first)
        assert f'"{RefundState.PROVISIONAL}"' in first.snapshot

    play(scenario)


def test_a_doubt_that_came_after_the_reading_is_not_ended_by_it(play: Play) -> None:
    """A sale's answer is lost, and put in doubt while a notification of it is read: it is to be told again."""

    async def scenario(told: Told) -> None:
        world, inbox = told.world, told.inbox

        taking: list[TakeNotification] = []
        heard: list[Notification] = []

        async def meanwhile(reference: str, outcome: Outcome) -> Outcome:
            heard.append(Notification("n1", reference, outcome))
            message = await inbox._message(BOOK, reference)
            assert message is not None
            settling = await inbox._settling(BOOK, False, message, heard[0])
            seed = world.entropy.bytes(16)
            taking.append(TakeNotification(BOOK, seed, "sandbox", heard[0], "{}", settling))
            return Unknown("no answer in time")

        overtaken(world, meanwhile)
        await sale(world)
        assert (await attempt(world)).doubt_hold is not None
        assert await world.committer.run(taking[0]) is None, "told again, it is taken"
        assert (await attempt(world)).state == "unknown"
        assert await inbox.take("sandbox", heard[0], b"{}", evidence=True) is not None
        assert (await attempt(world)).state == "approved"

    play(scenario)


def test_that_a_payment_is_pending_leaves_the_answer_to_settle_it(play: Play) -> None:
    async def scenario(told: Told) -> None:
        world, inbox = told.world, told.inbox

        async def meanwhile(reference: str, outcome: Outcome) -> Outcome:
            pending = Notification("n1", reference, Pending("x", 1_000))
            assert await inbox.take("sandbox", pending, b"{}", evidence=True) is not None
            return outcome

        overtaken(world, meanwhile)
        await sale(world)
        assert (await attempt(world)).state == "approved"

    play(scenario)
