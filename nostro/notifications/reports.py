"""What settlement reports say of messages that are still open. Most lines confirm what is known, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.clock import DAY, MINUTE, SystemTime
from nostro.kernel.ids import birth_book
from nostro.kernel.outcome import Approved, Evidence
from nostro.kernel.ports import Notification, Reader, Report, ReportLine
from nostro.kernel.table import text_array
from nostro.ledger.days import day_from
from nostro.merchants.service import Merchants
from nostro.notifications.judgement import judged
from nostro.notifications.model import NoteState
from nostro.notifications.service import Inbox
from nostro.payments.store import ATTEMPTS
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message, table_of
from nostro.refunds.model import Refund
from nostro.refunds.store import REFUNDS

PAGE = 500
# A day's report is final once the day is over, by our clock and by one that is a little behind.
FINAL_AFTER_MS = 10 * MINUTE


class Unfinished(Exception):
    """The report's day is not over: what stands in it today may be undone in it tonight."""


class Heard(msgspec.Struct, frozen=True):
    """What came of a report: lines, those that settled a message, and those that a person has to look at."""

    lines: int = 0
    settled: int = 0
    for_a_person: int = 0
    again: int = 0  # somebody else held the message: read the report once more

    def plus(self, other: Heard) -> Heard:
        """Both."""
        return Heard(*(a + b for a, b in zip(_counts(self), _counts(other), strict=True)))


class Reports:
    """Reads reports of acquirers. Reading one again changes nothing."""

    def __init__(self, reader: Reader, inbox: Inbox, merchants: Merchants) -> None:
        self._reader, self._inbox, self._merchants = reader, inbox, merchants

    async def hear(self, acquirer: str, report: Report, now: SystemTime) -> Heard:
        """Settle by a report what is open. Raises Unfinished."""
        if now < _end(report) + FINAL_AFTER_MS:
            raise Unfinished(f"the report of {report.day} is final when its day is over (UTC)")
        heard, standing = Heard(len(report.lines)), _standing(report.lines)
        for first in range(0, len(standing), PAGE):
            page = standing[first : first + PAGE]
            heard = heard.plus(await self._page(acquirer, report.name, page))
        return heard

    async def _page(self, acquirer: str, name: str, lines: Sequence[ReportLine]) -> Heard:
        messages = await self._messages([line.reference for line in lines])
        heard = Heard()
        for line in lines:
            message = messages.get(line.reference)
            state, _ = judged(message, acquirer, line.evidence)
            if state is not NoteState.IGNORED and not _may_still_fail(message, line.evidence):
                heard = heard.plus(await self._line(acquirer, name, line))
        return heard

    async def _line(self, acquirer: str, name: str, line: ReportLine) -> Heard:
        told = Notification(f"{name}/{line.number}", line.reference, line.evidence)
        body = msgspec.json.encode(line)
        note = await self._inbox.take(acquirer, told, body, evidence=True)
        if note is None:
            return Heard(again=1)
        for_a_person = note.state in (NoteState.QUARANTINED, NoteState.UNMATCHED)
        return Heard(settled=note.state is NoteState.APPLIED, for_a_person=for_a_person)

    async def _messages(self, references: Sequence[str]) -> dict[str, Message]:
        found: dict[str, Message] = {}
        for book, _ in await self._merchants.books():
            mine = [name for name in references if birth_book(name) == book]
            for table in (ATTEMPTS, REFUNDS):
                names = [name for name in mine if table_of(name) is table]
                rows = await self._reader.fetch(table.read, book, text_array(names))
                messages: list[Message] = [table.decode(row) for row in rows]
                found |= {message.id: message for message in messages}
        return found


def _standing(lines: Sequence[ReportLine]) -> list[ReportLine]:
    """The lines that count: what the same report takes back (a refund that failed later that day) was not done."""
    back = {line.reference for line in lines if not isinstance(line.evidence, Approved)}
    return [
        line
        for line in lines
        if line.reference not in back or not isinstance(line.evidence, Approved)
    ]


def _may_still_fail(message: Message | None, evidence: Evidence) -> bool:
    """A refund that succeeded provisionally is in a report as it was paid; that it may fail is not over by that."""
    provisional = isinstance(message, Refund) and message.state is RefundState.PROVISIONAL
    return provisional and isinstance(evidence, Approved)


def _end(report: Report) -> int:
    return (day_from(report.day.isoformat()) + 1) * DAY


def _counts(heard: Heard) -> tuple[int, int, int, int]:
    return heard.lines, heard.settled, heard.for_a_person, heard.again
