"""What was executed twice, said on two days or by two words; and a report that is older than the last send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nostro.kernel.clock import DAY, SystemTime
from nostro.kernel.outcome import Approved, Declined, Evidence, Undone
from nostro.kernel.ports import Notification, Report, ReportLine
from nostro.notifications.model import NoteState
from nostro.payments.claim import ClaimAttempt, CountSend
from nostro.refunds.machine import RefundState
from tests.notifications.mute import Play, Told
from tests.payments.test_manners import attempt
from tests.refunds.world import BOOK, REFUND_FAILS

TODAY = datetime.now(UTC).date()


def report(reference: str, later_days: int, *words: Evidence) -> Report:
    day = TODAY + timedelta(days=later_days)
    lines = tuple(ReportLine(number, reference, word) for number, word in enumerate(words, 1))
    return Report(f"theirs/{day}", day, lines)


def after(told: Told) -> SystemTime:
    """When the reports of today and tomorrow are final."""
    return SystemTime(told.tomorrow + DAY)


def test_the_reversal_of_the_second_of_two_does_not_undo_the_first(play: Play) -> None:
    """Executed twice today (n1, n2), and tomorrow the acquirer takes back n2. n1 stands: the card is charged."""

    async def scenario(told: Told) -> None:
        reference = await told.lost()
        twice = report(reference, 0, Approved("n1", 2_000, "usd"), Approved("n2", 2_000, "usd"))
        back = report(reference, 1, Undone("reported as reversed"))
        heard = await told.reports.hear("sandbox", twice, after(told))
        assert (heard.settled, heard.for_a_person) == (0, 2)
        heard = await told.reports.hear("sandbox", back, after(told))
        assert (heard.settled, heard.for_a_person) == (0, 1)
        assert (await attempt(told.world)).state == "unknown", "n1 was never taken back"

    play(scenario)


def test_the_failure_of_the_second_refund_does_not_fail_the_first(play: Play) -> None:
    async def scenario(told: Told) -> None:
        charge = await told.world.sale(10_000)
        told.world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await told.world.refund(charge, 4_000)
        twice = report(refund.id, 0, Approved("n1", 4_000, "usd"), Approved("n2", 4_000, "usd"))
        heard = await told.reports.hear("sandbox", twice, after(told))
        assert (heard.settled, heard.for_a_person) == (0, 2)
        failed = report(refund.id, 1, Declined("refund_failed", acquirer_reference="n2"))
        await told.reports.hear("sandbox", failed, after(told))
        found = await told.world.again(refund)
        assert found.state is RefundState.UNKNOWN, "n1 was paid out, and may be paid out again now"

    play(scenario)


def test_executed_on_both_sides_of_midnight_is_for_a_person(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        first = report(reference, 0, Approved("n1", 2_000, "usd"))
        heard = await told.reports.hear("sandbox", first, after(told))
        assert (heard.settled, heard.for_a_person) == (1, 0)
        second = report(reference, 1, Approved("n2", 2_000, "usd"))
        heard = await told.reports.hear("sandbox", second, after(told))
        assert heard.for_a_person == 1, "the card was charged twice, under two references of theirs"

    play(scenario)


def test_a_notification_of_a_second_execution_is_for_a_person(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        notes = []
        for named in ("n1", "n2"):
            evidence = Approved(named, 2_000, "usd")
            heard = Notification(f"ntf_{named}", reference, evidence)
            note = await told.inbox.take("sandbox", heard, named.encode(), evidence=True)
            assert note is not None
            notes.append(note.state)
        assert notes == [NoteState.APPLIED, NoteState.QUARANTINED]

    play(scenario)


def test_a_refund_held_for_not_done_that_is_approved_is_not_ignored(play: Play) -> None:
    """Two people concluded that nothing stands; then the acquirer says that it pays, and that this may still fail."""

    async def scenario(told: Told) -> None:
        world = told.world
        charge = await world.sale(10_000, REFUND_FAILS)
        world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await world.refund(charge, 4_000)
        charge = await world.charge(charge.id)
        undone = Undone("concluded by two operators on evidence x")
        assert (await world.refunds.settle(world.merchant, refund, charge, undone)).applied
        assert (await world.again(refund)).state is RefundState.FAILED
        paid = Approved("n1", 4_000, "usd", poll_after_ms=1_000)
        note = await told.inbox.take(
            "sandbox", Notification("ntf_1", refund.id, paid), b"{}", evidence=True
        )
        assert note is not None and note.state is NoteState.QUARANTINED, note

    play(scenario)


def test_a_report_older_than_the_last_send_does_not_say_not_done(play: Play) -> None:
    """Sent today, and again two days later; today's report cannot have seen what became of the second send."""

    async def scenario(told: Told) -> None:
        world, seed = told.world, told.world.entropy.bytes
        reference = await told.lost()
        world.clock.system_ahead += 2 * DAY
        until = SystemTime(world.clock.system() + 20_000)
        claimed = await world.run(ClaimAttempt(BOOK, seed(16), reference, "worker", until))
        assert claimed is not None
        send_by = SystemTime(world.clock.system() + 2_000)
        assert await world.run(CountSend(BOOK, seed(16), claimed, send_by))
        heard = await told.reports.hear(
            "sandbox", report(reference, 0, Undone("reversed")), world.clock.system()
        )
        assert (await attempt(world)).state == "unknown"
        assert (heard.settled, heard.for_a_person) == (0, 1)

    play(scenario)
