"""What was contradicted is concluded as not done by people alone, whoever says it: a word, an answer, a cancel."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nostro.audit.alarms import open_alarms
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, SystemTime
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Approved, Declined, Outcome, Undone
from nostro.kernel.ports import CardDetails, Notification, PaymentMessage, Report, ReportLine
from nostro.notifications.model import NoteState
from nostro.notifications.service import Inbox
from nostro.payments.claim import CountSend, IntendCancel
from nostro.payments.contradiction import CONTRADICTED
from nostro.payments.ladder import Awaiting
from nostro.payments.queues import REPORTED_MS
from nostro.refunds.machine import RefundState
from nostro.work.duties import Book as DutyBook
from nostro.work.duties import Desk
from nostro.work.overdue_duty import TellingOverdue
from tests.notifications.mute import Play as MutePlay
from tests.notifications.mute import Told, told_in
from tests.payments.test_manners import attempt, resolved, sale
from tests.payments.test_routing import NO_ANSWER, SOFT, Play, ask, attempts, pair
from tests.payments.test_routing import play as at_two
from tests.refunds.world import BOOK, LEASE_MS, World, a_world
from tests.sandbox.process import SandboxProcess

__all__ = ["at_two", "pair"]
AGAIN = Approved("n2", 4_000, "usd")
TODAY = datetime.now(UTC).date()
AUDIT = "SELECT subject FROM nostro.audit_records WHERE book_id = $1 AND action = $2"


def report(reference: str, *words: Any) -> Report:
    lines = tuple(ReportLine(number, reference, word) for number, word in enumerate(words, 1))
    return Report(f"theirs/{TODAY}", TODAY, lines)


class TellsFirst:
    """The acquirer itself, whose notification of a sale overtakes its answer."""

    def __init__(self, real: Any, inbox: Inbox) -> None:
        self._real, self._inbox = real, inbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        outcome: Outcome = await self._real.sale(message, card)
        note = Notification("ntf_1", message.reference, Approved("n1", 2_000, "eur"))
        taken = await self._inbox.take("sandbox", note, b"{}", evidence=True)
        assert taken is not None and taken.state is NoteState.QUARANTINED
        return outcome


def test_a_contradicted_sale_does_not_go_on_to_another_acquirer(
    at_two: Play, pair: list[SandboxProcess]
) -> None:
    """It is approved, says a signed word, in another currency; then it is declined. Did money move? Nobody knows."""

    async def scenario(world: World) -> None:
        inbox = (await told_in(world)).inbox
        real = world.acquirers["sandbox"]
        world.acquirers["sandbox"] = TellsFirst(real, inbox)  # type: ignore[assignment]
        try:
            await ask(world, NO_ANSWER)
        finally:
            world.acquirers["sandbox"] = real
        first, *others = await attempts(world)
        assert first.contradicted
        assert not others, f"went on to {others[0].acquirer}: {others[0].state}"
        assert first.state == "unknown", "declined by a word, after it was approved by a word"

    at_two(scenario, SOFT)


@pytest.fixture
def silent(database: ConnectionUrls, tmp_path: Path) -> Iterator[Any]:
    sandbox = SandboxProcess(tmp_path / "book", "--manner", "no-inquiry")

    def run(scenario: Any) -> None:
        async def played() -> None:
            async with a_world(database, sandbox, FeeSchedule(), "no-inquiry") as world:
                await world.payments._cards.open_for_business(world.reader)
                await scenario(world)

        asyncio.run(played())

    yield run
    assert sandbox.terminate() == 0


async def executed_twice(world: World) -> None:
    """Says the report of the only attempt, whose answer was lost."""
    reports, found = (await told_in(world)).reports, await attempt(world)
    twice = report(found.id, Approved("n1", 2_000, "usd"), Approved("n2", 2_000, "usd"))
    end = world.clock.system() + 2 * DAY
    heard = await reports.hear("sandbox", twice, SystemTime(end))
    assert heard.for_a_person == 2
    assert (await attempt(world)).contradicted


@pytest.mark.parametrize("with_code", [True, False], ids=["cancelled", "sent again"])
def test_nothing_leaves_any_more_of_what_was_executed_twice(silent: Any, with_code: bool) -> None:
    """`routing.md`: what was executed twice is left to a person. Who did it twice may do it a third time.

    Nor is it cancelled: that takes back one of the two, and nobody knows which.
    """

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        await sale(world, cvc=with_code)
        await executed_twice(world)
        for _ in range(3):
            found = await resolved(world)
            assert (found.state, found.sends, found.awaiting) == ("unknown", 1, Awaiting.REPORT)
        assert [line["state"] for line in world.sandbox.book()] == ["approved"]

    silent(scenario)


def test_a_cancel_that_was_on_its_way_does_not_conclude_it(silent: Any) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        await sale(world, cvc=True)
        await executed_twice(world)
        settled = await world.payments.settle(
            world.merchant, await attempt(world), Undone("cancelled_by_reference")
        )
        found = await attempt(world)
        assert (settled.applied, found.state) == (True, "unknown"), found.evidence

    silent(scenario)


def test_what_is_contradicted_while_a_worker_climbs_does_not_leave(silent: Any) -> None:
    """It has claimed the attempt, and asks; a report is read; then it would send it again, or cancel it."""

    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        await sale(world)
        claimed, seed = await attempt(world), world.entropy.bytes
        await executed_twice(world)
        now = world.clock.system()
        assert await world.run(CountSend(BOOK, seed(16), claimed, now)) is None
        assert await world.run(IntendCancel(BOOK, seed(16), claimed)) is None
        again = await attempt(world)
        assert (again.sends, again.cancelling, again.epoch) == (1, False, claimed.epoch)

    silent(scenario)


@pytest.mark.parametrize(
    "unheard",
    [Approved("n\x00", 2_000, "usd"), Approved("\ud800", 2_000, "usd"), Declined("x\x00")],
    ids=["NUL", "half a letter", "NUL in a reason"],
)
def test_an_answer_that_nobody_can_write_down_is_no_outcome(silent: Any, unheard: Outcome) -> None:
    async def scenario(world: World) -> None:
        world.sandbox.fault(fault="reply_lost", operation="authorize", count=1)
        await sale(world)
        settled = await world.payments.settle(world.merchant, await attempt(world), unheard)
        assert (settled.applied, (await attempt(world)).state) == (True, "unknown")
        assert (await resolved(world)).state == "approved"

    silent(scenario)


def test_nor_of_a_refund_that_was(silent: Any) -> None:
    async def scenario(world: World) -> None:
        charge = await world.sale(10_000)
        world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await world.refund(charge, 4_000)
        for named in ("n1", "n2"):
            other = Approved(named, 3_000, "usd")
            await world.refunds.settle(world.merchant, refund, charge, other)
        for _ in range(3):
            world.clock.system_ahead += LEASE_MS
            await world.refunds.resolve(world.merchant, refund.id)
            found = await world.again(refund)
            assert (found.state, found.sends, found.awaiting) == ("unknown", 1, Awaiting.REPORT)

    silent(scenario)


@pytest.fixture
def play(database: ConnectionUrls, tmp_path: Path) -> Iterator[MutePlay]:
    from tests.notifications.mute import a_mute_world

    sandbox = SandboxProcess(tmp_path / "book", "--manner", "mute")

    def run(scenario: Any) -> None:
        async def played() -> None:
            async with a_mute_world(database, sandbox) as told:
                await scenario(told)

        asyncio.run(played())

    yield run
    assert sandbox.terminate() == 0


def test_an_answer_that_is_not_believed_is_remembered_like_a_word(play: MutePlay) -> None:
    """Answered: approved, of another amount. Then its report says that it was taken back. By a word first, it is for people."""

    async def scenario(told: Told) -> None:
        reference = await told.lost("wrong_amount")
        back = report(reference, Undone("reversed"))
        heard = await told.reports.hear("sandbox", back, told.tomorrow)
        assert ((await attempt(told.world)).state, heard.settled) == ("unknown", 0)

    play(scenario)


async def provisional(told: Told) -> Any:
    world = told.world
    charge = await world.sale(10_000)
    world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
    refund = await world.refund(charge, 4_000)
    charge = await world.charge(charge.id)
    paid = Approved("n1", 4_000, "usd", poll_after_ms=1_000)
    assert (await world.refunds.settle(world.merchant, refund, charge, paid)).applied
    return await world.again(refund)


async def paid_out_again(told: Told) -> Any:
    world, refund = told.world, await provisional(told)
    await world.refunds.settle(world.merchant, refund, await world.charge(refund.charge), AGAIN)
    return await world.again(refund)


def test_an_answer_of_a_second_execution_is_told_to_a_person(play: MutePlay) -> None:
    """Paid out as n1, provisionally; asked again, the acquirer says that it is paid out as n2."""

    async def scenario(told: Told) -> None:
        found = await paid_out_again(told)
        rows = await told.world.reader.fetch(AUDIT, BOOK, CONTRADICTED)
        told_of = found.contradicted or [row[0] for row in rows] == [found.id]
        assert told_of, f"{found.state} as n2, and n1 is forgotten"

    play(scenario)


def test_what_was_paid_out_twice_is_overdue_until_people_conclude_it(play: MutePlay) -> None:
    """It succeeded for now, so nothing else of it is ever late; what failed after that is people's to say."""

    async def scenario(told: Told) -> None:
        world, refund = told.world, await paid_out_again(told)
        desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
        duty = TellingOverdue(DutyBook(BOOK, False), desk)
        world.clock.system_ahead += REPORTED_MS
        assert [await duty.round() for _ in range(3)] == [1, 0, 0]
        charge = await world.charge(refund.charge)
        settling = world.refunds.settling(world.merchant, refund, charge, AGAIN, by_people=True)
        assert (await world.run(settling)).applied
        await duty.round()
        assert not await open_alarms(world.reader, BOOK)

    play(scenario)


def test_people_say_which_of_two_executions_counts(play: MutePlay) -> None:
    """Paid out as n1 and as n2; two people conclude that n2 is the one that counts: it is settled so, and not left open."""

    async def scenario(told: Told) -> None:
        refund, world = await paid_out_again(told), told.world
        assert refund.contradicted and refund.state is RefundState.PROVISIONAL
        charge = await world.charge(refund.charge)
        settling = world.refunds.settling(world.merchant, refund, charge, AGAIN, by_people=True)
        assert (await world.run(settling)).applied
        assert (await world.again(refund)).state is RefundState.SUCCEEDED

    play(scenario)


async def failed_as(told: Told, refund: str, named: str) -> NoteState:
    word = Notification("ntf_2", refund, Declined("refund_failed", acquirer_reference=named))
    note = await told.inbox.take("sandbox", word, b"2", evidence=True)
    assert note is not None
    return note.state


def test_a_second_execution_of_a_refund_that_failed_is_not_ignored(play: MutePlay) -> None:
    """Paid out as n1, n1 failed, the merchant has the money back; then it is paid out as n2."""

    async def scenario(told: Told) -> None:
        world = told.world
        refund = await provisional(told)
        assert await failed_as(told, refund.id, "n1") is NoteState.APPLIED
        assert (await world.again(refund)).state is RefundState.FAILED
        again = Notification("ntf_3", refund.id, AGAIN)
        note = await told.inbox.take("sandbox", again, b"3", evidence=True)
        assert note is not None
        assert note.state is NoteState.QUARANTINED, f"{note.state}: {note.reason}"

    play(scenario)


def test_the_failure_of_another_execution_does_not_fail_what_was_paid(play: MutePlay) -> None:
    """Paid out as n1. What failed is n2, says the acquirer. n1 stands, and the merchant is given the money back."""

    async def scenario(told: Told) -> None:
        refund = await provisional(told)
        assert await failed_as(told, refund.id, "n2") is NoteState.QUARANTINED
        found = await told.world.again(refund)
        assert found.state is RefundState.PROVISIONAL, f"{found.state}, by what is said of n2"

    play(scenario)


def test_what_people_called_not_done_and_is_paid_is_not_ignored(play: MutePlay) -> None:
    """Paid out as n1, provisionally; two people conclude that it does not stand; then it is paid out for good, as n1."""

    async def scenario(told: Told) -> None:
        world = told.world
        refund = await provisional(told)
        charge = await world.charge(refund.charge)
        undone = Undone("concluded by two operators on evidence x")
        assert (await world.refunds.settle(world.merchant, refund, charge, undone)).applied
        assert (await world.again(refund)).state is RefundState.FAILED
        paid = Notification("ntf_3", refund.id, Approved("n1", 4_000, "usd"))
        note = await told.inbox.take("sandbox", paid, b"3", evidence=True)
        assert note is not None
        assert note.state is NoteState.QUARANTINED, f"{note.state}: {note.reason}"

    play(scenario)
