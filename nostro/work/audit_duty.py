"""The continuous audit: every batch is derived again soon after it was committed, in slices that leave room for others."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nostro.audit.alarms import RaiseAlarm
from nostro.kernel.clock import SECOND
from nostro.verification.incremental import Auditor, newest_position
from nostro.verification.report import Result
from nostro.work.duties import Book, Desk

log = logging.getLogger(__name__)
ALARMS_AT_ONCE = 5


class Auditing:
    """Audits a book from its newest checkpoint on. A finding is an alarm: a row, a record in the log, and an error line.

    Where it stands is kept in memory: whoever takes over begins at the newest checkpoint again.
    """

    name, idle_ms = "audit", 5 * SECOND

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book.id, desk
        self._auditor: Auditor | None = None

    async def round(self) -> int:
        """One slice. Returns how many batches it went through."""
        reader, auditor = self._desk.reader, self._auditor
        if auditor is None:
            position, results = await newest_position(reader, self._book)
            await self._raise(results)
            auditor = self._auditor = Auditor(self._book, position)
        before = auditor.position.batch_no
        await self._raise(await auditor.slice(reader))
        return auditor.position.batch_no - before

    async def _raise(self, results: Sequence[Result]) -> None:
        for result in results:
            for finding in result.findings[:ALARMS_AT_ONCE]:
                command = RaiseAlarm(
                    self._book, self._desk.seed(), result.check, finding.subject, finding.detail
                )
                if await self._desk.decider(self._book).run(command):
                    what = (self._book, result.check, finding.subject, finding.detail)
                    log.error("THE LEDGER IS OFF, book %s, %s: %s: %s", *what)

    async def close(self) -> None:
        """Nothing is under way between rounds."""
