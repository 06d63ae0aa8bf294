"""What the log asks of the worker: checkpoints every few seconds, a snapshot of all balances every day."""

from __future__ import annotations

import logging

from nostro.audit import snapshots
from nostro.audit.alarms import RaiseAlarm
from nostro.kernel.clock import MINUTE, SECOND
from nostro.ledger.publishing import LogForked, Publisher
from nostro.ledger.snapshots import last_day, take
from nostro.work.duties import Book, Desk

log = logging.getLogger(__name__)


class Publishing:
    """Signs what was committed and writes it to files outside the database."""

    name, idle_ms = "log", 2 * SECOND

    def __init__(self, publisher: Publisher, book: Book, desk: Desk) -> None:
        self._publisher, self._book, self._desk = publisher, book.id, desk

    async def round(self) -> int:
        """Publish. It never hurries: a checkpoint stands for all batches before it."""
        try:
            await self._publisher.publish()
        except LogForked as forked:
            log.critical("THE LOG DOES NOT FIT WHAT WAS SIGNED, nothing more is: %s", forked)
            await self._raise(str(forked))
            raise
        return 0

    async def _raise(self, detail: str) -> None:
        desk, book = self._desk, self._book
        alarm = RaiseAlarm(book, desk.seed(), "checkpoints", f"book {book}", detail)
        await desk.decider(book).run(alarm)

    async def close(self) -> None:
        """Nothing is under way between rounds."""


class TakingSnapshots:
    """Writes down all balances of yesterday, once a day."""

    name, idle_ms = "snapshots", 1 * MINUTE

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book.id, desk

    async def round(self) -> int:
        """Yesterday's, unless it is there or nothing has happened since the last."""
        desk, book = self._desk, self._book
        over = await last_day(desk.reader, book, desk.clock.business())
        if over is None or over.kept is not None:
            return 0
        snapshot = await take(desk.reader, book, over.moment, over.day)
        await desk.decider(book).run(snapshots.RecordSnapshot(book, desk.seed(), snapshot))
        return 1

    async def close(self) -> None:
        """Nothing is under way between rounds."""
