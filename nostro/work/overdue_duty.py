"""Alarms by age: an outcome that stays unknown for longer than is usual is told to people. Age concludes nothing."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from nostro.audit.alarms import Alarm, RaiseAlarm, SettleAlarm, open_alarms
from nostro.kernel.clock import MINUTE, SECOND, SystemTime
from nostro.kernel.table import text_array
from nostro.payments import queues as attempts
from nostro.payments.machine import AttemptState
from nostro.payments.queues import Overdue, Usual
from nostro.refunds import queues as refunds
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message, table_of
from nostro.work.duties import Book, Desk

log = logging.getLogger(__name__)
KIND = "overdue"
RAISED_AT_ONCE = 50
_WAITING = (
    AttemptState.SENDING, AttemptState.UNKNOWN,
    RefundState.SENDING, RefundState.UNKNOWN, RefundState.ACCEPTED,
)  # fmt: skip


class TellingOverdue:
    """Raises an alarm for each outcome that is overdue, and settles it when the outcome is known."""

    name, idle_ms = "overdue", 1 * MINUTE

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book.id, desk

    async def round(self) -> int:
        """Returns how many were raised."""
        standing = [
            alarm
            for alarm in await open_alarms(self._desk.reader, self._book)
            if alarm.kind == KIND
        ]
        for alarm in standing:
            await self._settle_if_known(alarm)
        known = {alarm.subject for alarm in standing}
        overdue = await self._overdue(sorted(known))
        for found in overdue:
            detail = f"{found.what}: unknown since {_shown(found.since_ms)}"
            await self._raise(found.reference, detail)
        return len(overdue)

    async def _overdue(self, known: list[str]) -> list[Overdue]:
        reader, usual = self._desk.reader, Usual.at(self._desk.clock.system())
        return [
            found
            for room in (attempts, refunds)
            for found in await room.overdue(reader, self._book, usual, known, RAISED_AT_ONCE)
        ]

    async def _raise(self, subject: str, detail: str) -> None:
        command = RaiseAlarm(self._book, self._desk.seed(), KIND, subject, detail)
        if await self._desk.decider(self._book).run(command):
            log.error("AN OUTCOME IS OVERDUE, book %s, %s: %s", self._book, subject, detail)

    async def _settle_if_known(self, alarm: Alarm) -> None:
        table = table_of(alarm.subject)
        rows = await self._desk.reader.fetch(table.read, self._book, text_array([alarm.subject]))
        message: Message | None = table.decode(rows[0]) if rows else None
        if message is None or _is_open(message):
            return
        reason = f"it is {message.state}"
        command = SettleAlarm(self._book, self._desk.seed(), alarm.id, reason, "worker")
        await self._desk.decider(self._book).run(command)

    async def close(self) -> None:
        """Nothing is under way between rounds."""


def _is_open(message: Message) -> bool:
    """Whether its outcome is still to come. What succeeded for now, and was contradicted, waits for people."""
    doubtful = message.state is RefundState.PROVISIONAL and message.contradicted
    return doubtful or message.state in _WAITING


def _shown(since: SystemTime) -> str:
    return datetime.fromtimestamp(since // SECOND, UTC).isoformat()
