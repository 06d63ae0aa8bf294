"""Settlement reports: what they say of unknown outcomes settles them, once; what does not add up is not believed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from nostro.acquirers.sandbox_report import fetch_report, read_report
from nostro.kernel.clock import DAY, MINUTE, SystemTime
from nostro.kernel.errors import Unavailable
from nostro.kernel.outcome import Approved, Declined, Evidence, Operation, Undone
from nostro.kernel.ports import Claims, Misreported, Report, ReportLine
from nostro.kernel.queries import load
from nostro.notifications.queues import open_notes
from nostro.notifications.reports import Unfinished
from nostro.payments.contradiction import learned
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund
from nostro.work.duties import Book, Desk
from nostro.work.report_duty import ReadingReports
from tests.notifications.mute import Play, Told
from tests.payments.test_manners import attempt, resolved
from tests.refunds.world import BOOK, REFUND_FAILS

CHECKS = load("nostro.verification")


def test_reply_lost_with_nobody_to_ask_is_settled_by_the_report(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        assert (await resolved(told.world, 61 * MINUTE)).state == "unknown", "polling is exhausted"
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert (heard.lines, heard.settled, heard.for_a_person) == (1, 1, 0)
        found = await attempt(told.world)
        assert (found.id, found.state, found.sends) == (reference, "approved", 1)
        assert (await told.world.balances())["pending"].free == 2_000

    play(scenario)


def test_a_line_twice_and_a_report_twice_change_nothing_more(play: Play) -> None:
    async def scenario(told: Told) -> None:
        await told.lost()
        report = await told.report()
        [line] = report.lines
        twice = Report(
            report.name, report.day, (line, ReportLine(2, line.reference, line.evidence))
        )
        heard = await told.reports.hear("sandbox", twice, told.tomorrow)
        assert (heard.settled, heard.for_a_person) in {(1, 0), (2, 0)}
        for again in (twice, report):
            heard = await told.reports.hear("sandbox", again, told.tomorrow)
            assert (heard.settled, heard.for_a_person, heard.again) == (0, 0, 0)
        assert (await told.world.balances())["pending"].free == 2_000
        assert (await told.world.events()).count("charge.succeeded") == 1

    play(scenario)


def test_not_in_the_report_concludes_nothing(play: Play) -> None:
    async def scenario(told: Told) -> None:
        await told.lost("request_lost")
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert heard.lines == 0
        assert (await attempt(told.world)).state == "unknown"

    play(scenario)


def test_another_amount_is_for_a_person(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        report = await told.report()
        [line] = report.lines
        for changes in ({"amount": 2_001}, {"currency": "eur"}):
            fields = {"amount": 2_000, "currency": "usd"} | changes
            evidence = type(line.evidence)("x", **fields)  # type: ignore[call-arg, arg-type]
            wrong = Report(f"w{changes}", report.day, (ReportLine(1, reference, evidence),))
            heard = await told.reports.hear("sandbox", wrong, told.tomorrow)
            assert (heard.settled, heard.for_a_person) == (0, 1)
            assert (await attempt(told.world)).state == "unknown"
        elsewhere = await told.reports.hear("another", report, told.tomorrow)
        assert (elsewhere.settled, elsewhere.for_a_person) == (0, 1)
        assert len(await open_notes(told.world.reader, BOOK, 10)) == 3

    play(scenario)


@pytest.mark.parametrize("claims", [
    Claims(operation=Operation.REFUND), Claims(operation=Operation.CAPTURE), Claims(amount=1),
    Claims(currency="eur"), Claims(account="acct_other"),
])  # fmt: skip
@pytest.mark.parametrize("word", [Approved("x", 2_000, "usd"), Undone("x"), Declined("x")])
def test_a_line_of_something_else_is_for_a_person(
    play: Play, claims: Claims, word: Evidence
) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        day = datetime.now(UTC).date()
        wrong = Report("w", day, (ReportLine(1, reference, word, claims),))
        for _ in range(2):
            heard = await told.reports.hear("sandbox", wrong, told.tomorrow)
            assert (heard.settled, heard.for_a_person) == (0, 1)
        assert (await attempt(told.world)).state == "unknown"
        [note] = await open_notes(told.world.reader, BOOK, 10)
        assert " instead of " in note.reason
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (1, 0), "the right line counts all the same"

    play(scenario)


def test_a_report_older_than_the_message_settles_nothing(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        before = datetime.now(UTC).date() - timedelta(days=2)
        old = Report("old", before, (ReportLine(1, reference, Undone("reversed")),))
        heard = await told.reports.hear("sandbox", old, told.world.clock.system())
        assert (heard.settled, heard.for_a_person) == (0, 1)
        assert (await attempt(told.world)).state == "unknown"

    play(scenario)


def test_what_was_executed_twice_is_for_a_person(play: Play) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        words = (Approved("n1", 2_000, "usd"), Approved("n2", 2_000, "usd"))
        lines = tuple(ReportLine(number, reference, word) for number, word in enumerate(words, 1))
        report = Report("twice", datetime.now(UTC).date(), lines)
        heard = await told.reports.hear("sandbox", report, told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (0, 2)
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert heard.settled == 1
        heard = await told.reports.hear("sandbox", report, told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (0, 2), "also of what is settled"

    play(scenario)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_a_reports_lines_is_nothing(play: Play, reverse: bool) -> None:
    async def scenario(told: Told) -> None:
        reference = await told.lost()
        words = [Approved("n1", 2_000, "usd"), Undone("reversed")]
        words = words[::-1] if reverse else words
        lines = tuple(ReportLine(number, reference, word) for number, word in enumerate(words, 1))
        report = Report("both", datetime.now(UTC).date(), lines)
        heard = await told.reports.hear("sandbox", report, told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (1, 0)
        assert (await attempt(told.world)).state == "undone"

    play(scenario)


def test_a_report_issued_again_is_read_again(play: Play) -> None:
    """Its lines have other numbers, or say other things: a line is what it says."""

    async def scenario(told: Told) -> None:
        reference = await told.lost()
        day = datetime.now(UTC).date()
        theirs = ReportLine(1, "att_of_somebody_else", Approved("n0", 5, "usd"))
        first = Report("again", day, (theirs,))
        heard = await told.reports.hear("sandbox", first, told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (0, 1)
        ours = ReportLine(1, reference, Approved("n1", 2_000, "usd"))
        second = Report("again", day, (ours, replace(theirs, number=2)))
        heard = await told.reports.hear("sandbox", second, told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (1, 1)
        assert (await attempt(told.world)).state == "approved"
        assert len(await open_notes(told.world.reader, BOOK, 10)) == 1

    play(scenario)


def test_a_refund_is_settled_so_too(play: Play) -> None:
    async def scenario(told: Told) -> None:
        charge = await told.world.sale(10_000)
        told.world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await told.world.refund(charge, 4_000)
        assert refund.state is RefundState.UNKNOWN
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert (heard.lines, heard.settled) == (2, 1)
        assert (await told.world.charge(charge.id)).amount_refunded == 4_000

    play(scenario)


def test_a_refund_that_may_still_fail_is_not_final_by_the_report(play: Play) -> None:
    async def scenario(told: Told) -> None:
        charge = await told.world.sale(10_000, REFUND_FAILS)
        refund = await told.world.refund(charge, 4_000)
        assert refund.state is RefundState.PROVISIONAL
        heard = await told.reports.hear("sandbox", await told.report(), told.tomorrow)
        assert (heard.settled, heard.for_a_person) == (0, 0)
        assert (await told.world.again(refund)).state is RefundState.PROVISIONAL

    play(scenario)


def of_refund(refund: Refund, *words: Evidence) -> Report:
    """A report of one refund, a line for each word."""
    lines = tuple(ReportLine(number, refund.id, word) for number, word in enumerate(words, 1))
    return Report(f"{len(words)} {words[-1]}", datetime.now(UTC).date(), lines)


def test_what_the_same_report_takes_back_was_not_done(play: Play) -> None:
    async def scenario(told: Told) -> None:
        charge = await told.world.sale(10_000, REFUND_FAILS)
        told.world.sandbox.fault(fault="reply_lost", operation="refund", count=1)
        refund = await told.world.refund(charge, 4_000)
        assert refund.state is RefundState.UNKNOWN
        report = of_refund(refund, Approved("x", 4_000, "usd"), Declined("refund_failed"))
        for settled in (1, 0):
            heard = await told.reports.hear("sandbox", report, told.tomorrow)
            assert (heard.lines, heard.settled, heard.for_a_person) == (2, settled, 0)
        assert (await told.world.again(refund)).state is RefundState.FAILED
        found = await told.world.charge(charge.id)
        assert (found.amount_refunded, found.refunds_reserved) == (0, 0)

    play(scenario)


def test_an_earlier_report_read_again_after_a_refund_failed_says_nothing_new(play: Play) -> None:
    async def scenario(told: Told) -> None:
        charge = await told.world.sale(10_000, REFUND_FAILS)
        refund = await told.world.refund(charge, 4_000)
        paid_as = learned((await told.world.again(refund)).evidence)
        assert isinstance(paid_as, Approved)
        paid = of_refund(refund, Approved(paid_as.acquirer_reference, 4_000, "usd"))
        failed = of_refund(refund, Declined("refund_failed"))
        for report, settled in ((paid, 0), (failed, 1), (paid, 0), (failed, 0)):
            heard = await told.reports.hear("sandbox", report, told.tomorrow)
            assert (heard.settled, heard.for_a_person) == (settled, 0)
        assert (await told.world.again(refund)).state is RefundState.FAILED

    play(scenario)


def test_a_day_that_is_not_over_is_not_read(play: Play) -> None:
    async def scenario(told: Told) -> None:
        await told.lost()
        report = await told.report()
        for early in (1, 11 * MINUTE):
            with pytest.raises(Unfinished):
                await told.reports.hear("sandbox", report, SystemTime(told.tomorrow - early))
        assert (await attempt(told.world)).state == "unknown"

    play(scenario)


def test_the_worker_fetches_what_it_waits_for_and_only_that(play: Play) -> None:
    class Counted:
        def __init__(self, told: Told) -> None:
            self._told = told
            self.asked: list[date] = []

        async def report(self, day: date) -> Report:
            self.asked.append(day)
            return await fetch_report(self._told.url, day)

    async def scenario(told: Told) -> None:
        world, source = told.world, Counted(told)
        desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
        duty = ReadingReports(Book(BOOK, False), desk, told.reports, {"sandbox": source})
        await world.sale(1_000)
        world.clock.system_ahead += 2 * DAY
        assert await duty.round() == 0 and source.asked == [], "nothing waits"
        world.clock.system_ahead -= 2 * DAY
        await told.lost()
        assert await duty.round() == 0 and source.asked == [], "the day is not over"
        world.clock.system_ahead += 2 * DAY
        today = datetime.now(UTC).date()
        assert await duty.round() == 1
        assert source.asked == [today, today + timedelta(days=1)]
        assert (await attempt(world)).state == "approved"
        assert await duty.round() == 0

    play(scenario)


def test_no_day_is_read_before_the_one_ahead_of_it(play: Play) -> None:
    """Executed twice on the first day, of which one is taken back on the second."""

    class FirstDayMissing:
        def __init__(self, url: str) -> None:
            self._url = url
            self.asked: list[date] = []

        async def report(self, day: date) -> Report:
            self.asked.append(day)
            if len(self.asked) == 1:
                raise Unavailable("the report is late")
            return await fetch_report(self._url, day)

    async def scenario(told: Told) -> None:
        world, source = told.world, FirstDayMissing(told.url)
        desk = Desk(lambda _: world.committer, world.reader, world.clock, world.entropy)
        duty = ReadingReports(Book(BOOK, False), desk, told.reports, {"sandbox": source})
        await told.lost()
        world.clock.system_ahead += 2 * DAY
        today = datetime.now(UTC).date()
        assert await duty.round() == 0 and source.asked == [today]
        assert await duty.round() == 1
        assert source.asked == [today, today, today + timedelta(days=1)]

    play(scenario)


def file(*lines: str, day: str = "2026-01-02", count: int | None = None) -> bytes:
    columns = "record,type,reference,acquirer_reference,original,merchant,currency,gross,fee,net"
    number = len([line for line in lines if line.startswith("line")]) if count is None else count
    head, tail = f"header,nostro_sandbox,b,{day},1", f"trailer,nostro_sandbox,b,{day},{number}"
    return "\n".join([head, columns, *lines, tail, ""]).encode()


LINE, TOTAL = "line,sale,att_1,n1,,m,usd,100,7,93", "total,,,,,1,usd,100,7,93"


def test_a_whole_file_is_read() -> None:
    report = read_report(file(LINE, TOTAL))
    assert (report.name, report.day, len(report.lines)) == ("b/2026-01-02", date(2026, 1, 2), 1)
    assert read_report(file()).lines == ()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xfe", b"header", b"<html>", file(LINE, TOTAL)[:-20], file(LINE), file(TOTAL),
        file(LINE, TOTAL, count=2), file(LINE, LINE, TOTAL), file(LINE, TOTAL, day="2026-02-30"),
        file(LINE.replace("93", "94"), TOTAL.replace("93", "94")), file(TOTAL, LINE),
        file(LINE.replace("sale", "gift"), TOTAL), file(LINE + ",more", TOTAL),
        file(LINE.replace("att_1", "att\0_1"), TOTAL), file(LINE.replace("att_1", "a" * 256), TOTAL),
        file(LINE.replace("att_1", "att_\x1b[2J"), TOTAL),
        file(LINE.replace(",100,7,93", ",-100,7,-107"), TOTAL.replace(",100,7,93", ",-100,7,-107")),
        file(LINE.replace(",100,7,93", ",0,7,-7"), TOTAL.replace(",100,7,93", ",0,7,-7")),
        file(LINE.replace("sale", "refund"), TOTAL), file(LINE.replace("sale", "sale_reversal"), TOTAL),
        file(LINE.replace("100", "1e2"), TOTAL), file(LINE, TOTAL).replace(b"sandbox", b"other", 1),
        file('line,"sale', TOTAL),
    ],
)  # fmt: skip
def test_a_file_that_does_not_add_up_is_not_believed(data: bytes) -> None:
    with pytest.raises(Misreported):
        read_report(data)
