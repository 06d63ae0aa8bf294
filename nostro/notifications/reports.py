"""What settlement reports say of messages that are still open. Most lines confirm what is known, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from nostro.kernel.clock import DAY, SystemTime
from nostro.kernel.ids import birth_book
from nostro.kernel.ports import Notification, Reader, Report, ReportLine
from nostro.kernel.table import text_array
from nostro.ledger.days import day_from
from nostro.merchants.service import Merchants
from nostro.notifications.judgement import judged
from nostro.notifications.lines import against, executed_twice, is_final, may_still_fail, standing
from nostro.notifications.model import OPEN, NoteState
from nostro.notifications.service import Inbox
from nostro.payments.store import ATTEMPTS
from nostro.refunds.messages import Message, table_of
from nostro.refunds.store import REFUNDS

PAGE = 500


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


class News(NamedTuple):
    """A line, what speaks against it whatever it says, and why it settles nothing, if it does not."""

    line: ReportLine
    against: str | None
    why_not: str | None


class Reports:
    """Reads reports of acquirers. Reading one again changes nothing."""

    def __init__(self, reader: Reader, inbox: Inbox, merchants: Merchants) -> None:
        self._reader, self._inbox, self._merchants = reader, inbox, merchants

    async def hear(self, acquirer: str, report: Report, now: SystemTime) -> Heard:
        """Settle by a report what is open. Raises Unfinished."""
        heard = Heard(len(report.lines))
        for new in await self.news(acquirer, report, now):
            heard = heard.plus(await self._line(acquirer, report.name, new.line, new.against))
        return heard

    async def news(self, acquirer: str, report: Report, now: SystemTime) -> list[News]:
        """Whatever a report says that is not known already, or contradicts what is. Changes nothing. Raises Unfinished."""
        end = _end(report)
        if not is_final(end, now):
            raise Unfinished(f"the report of {report.day} is final when its day is over (UTC)")
        lines, twice = standing(report.lines), executed_twice(report.lines)
        found: list[News] = []
        for first in range(0, len(lines), PAGE):
            page = lines[first : first + PAGE]
            messages = await self._messages([line.reference for line in page])
            for line in page:
                message = messages.get(line.reference)
                why = against(
                    message, line.evidence, end, line.reference in twice, self._inbox.arriving_ms
                )
                found += _news(acquirer, line, message, why)
        return found

    async def _line(self, acquirer: str, name: str, line: ReportLine, reason: str | None) -> Heard:
        told = Notification(name, line.reference, line.evidence, line.claims)
        body = msgspec.json.encode(replace(line, number=0))  # its place is not what it says
        note = await self._inbox.take(acquirer, told, body, evidence=True, against=reason)
        if note is None:
            return Heard(again=1)
        for_a_person = note.state in OPEN
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


def _news(
    acquirer: str, line: ReportLine, message: Message | None, against: str | None
) -> list[News]:
    state, why = judged(message, acquirer, line.evidence, line.claims)
    told_before = state is NoteState.APPLIED and may_still_fail(message, line.evidence)
    known = state is NoteState.IGNORED or told_before
    if known and against is None:
        return []
    settles = against is None and state is NoteState.APPLIED
    return [News(line, against, None if settles else against or why)]


def _end(report: Report) -> int:
    return (day_from(report.day.isoformat()) + 1) * DAY


def _counts(heard: Heard) -> tuple[int, int, int, int]:
    return heard.lines, heard.settled, heard.for_a_person, heard.again
