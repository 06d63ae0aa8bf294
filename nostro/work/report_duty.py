"""Settlement reports, fetched for as long as an acquirer owes an answer that only its report can give."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date

from nostro.kernel.clock import DAY, MINUTE, SystemTime
from nostro.kernel.errors import Unavailable
from nostro.kernel.ports import Misreported, ReportSource
from nostro.ledger.days import date_of
from nostro.notifications.lines import FINAL_AFTER_MS
from nostro.notifications.reports import Reports
from nostro.payments import queues as attempts
from nostro.refunds import queues as refunds
from nostro.work.duties import Book, Desk

log = logging.getLogger(__name__)
READ_AGAIN_MS = 60 * MINUTE
DAYS_MAX = 31


class ReadingReports:
    """Reads the report of each day that is over, from the day on which the oldest open message left.

    A day that was read is left alone for an hour: what one report does not say a later one may. No day is read before
    the one ahead of it: what it takes back may be one of two that only the other tells of.
    """

    name, idle_ms = "reports", 1 * MINUTE

    def __init__(
        self, book: Book, desk: Desk, reports: Reports, sources: Mapping[str, ReportSource]
    ) -> None:
        self._book, self._desk, self._reports, self._sources = book.id, desk, reports, sources
        self._read: dict[tuple[str, date], SystemTime] = {}

    async def round(self) -> int:
        """Read what is due. Returns how many messages were settled."""
        now = self._desk.clock.system()
        settled = 0
        for acquirer, since in (await self._owed()).items():
            for day in _days(since, now):
                heard = await self._day(acquirer, day, now)
                if heard is None:
                    break
                settled += heard
        return settled

    async def _owed(self) -> dict[str, SystemTime]:
        found = await attempts.owed(self._desk.reader, self._book)
        for acquirer, since in (await refunds.owed(self._desk.reader, self._book)).items():
            found[acquirer] = min(since, found.get(acquirer, since))
        return found

    async def _day(self, acquirer: str, day: date, now: SystemTime) -> int | None:
        """How many messages were settled; None if the day is not read, or not all of it was taken."""
        source, last = self._sources.get(acquirer), self._read.get((acquirer, day))
        if source is None or (last is not None and now < last + READ_AGAIN_MS):
            return 0
        try:
            heard = await self._reports.hear(acquirer, await source.report(day), now)
        except (Unavailable, Misreported) as error:
            log.warning("the report of %s for %s: %s", acquirer, day, error)
            return None
        if heard.for_a_person:
            log.error("%s, %s: %s lines for a person", acquirer, day, heard.for_a_person)
        if heard.again:
            return None
        self._read[acquirer, day] = now
        return heard.settled

    async def close(self) -> None:
        """Nothing is under way between rounds."""


def _days(since: SystemTime, now: SystemTime) -> list[date]:
    """The days that are over, the newest of them at most DAYS_MAX; a message may be a day late in the report.

    Any of them may tell of what was sent by a clock that was ahead.
    """
    last = (now - FINAL_AFTER_MS) // DAY - 1
    oldest = last - DAYS_MAX + 1
    first = max(since // DAY, oldest) if since <= now else oldest
    return [date.fromisoformat(date_of(day)) for day in range(first, last + 1)]
