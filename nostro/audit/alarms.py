"""Alarms: what the continuous audit found to be off in a book. One row each, announced in the audit log."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from nostro.audit.store import QUERIES
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.ports import Reader
from nostro.kernel.table import Table

RAISED, SETTLED = "alarm.raised", "alarm.settled"


class Alarm(msgspec.Struct, frozen=True):
    """A finding: its kind (the name of a check), the row it is about, what is wrong, and since when (system time, ms)."""

    id: str
    kind: str
    subject: str
    detail: str
    raised_ms: int

    @property
    def changes(self) -> str:
        """What the audit record says."""
        told = [self.kind, self.subject, self.detail, self.raised_ms]
        return msgspec.json.encode(told).decode()


ALARMS = Table("alarms", Alarm, QUERIES)


def alarm_id(kind: str, subject: str) -> str:
    """The id that the same finding has each time, so that it is raised once."""
    return "alarm_" + sha256(f"{kind}\0{subject}".encode()).hexdigest()[:24]


class RaiseAlarm(msgspec.Struct, frozen=True):
    """Raise an alarm. The answer is whether it is new."""

    book: int
    seed: bytes
    kind: str
    subject: str
    detail: str
    actor: str = "worker"

    def reads(self) -> Reads:
        """The alarm, if it was raised before."""
        return Reads([(ALARMS, alarm_id(self.kind, self.subject))])

    def decide(self, view: View) -> Decision[bool]:
        """Once."""
        identifier = alarm_id(self.kind, self.subject)
        if view.get(ALARMS, identifier) is not None:
            return Decision(False)
        alarm = Alarm(identifier, self.kind, self.subject, self.detail, view.system_now)
        return Decision(True, [(ALARMS, alarm)], notes=(Note(RAISED, identifier, alarm.changes),))


class SettleAlarm(msgspec.Struct, frozen=True):
    """Take an alarm away that a person has seen to. The answer is whether it was there; the log keeps both.

    What is still off is raised again when the audit next comes by it.
    """

    book: int
    seed: bytes
    alarm: str
    reason: str
    actor: str = "operator"

    def reads(self) -> Reads:
        """The alarm."""
        return Reads([(ALARMS, self.alarm)])

    def decide(self, view: View) -> Decision[bool]:
        """With the reason, for the log."""
        if view.get(ALARMS, self.alarm) is None:
            return Decision(False)
        note = Note(SETTLED, self.alarm, msgspec.json.encode([self.reason]).decode())
        return Decision(True, deletes=[(ALARMS, self.alarm)], notes=(note,))


async def open_alarms(reader: Reader, book: int) -> list[Alarm]:
    """The alarms of a book, oldest first."""
    return [Alarm(*row) for row in await reader.fetch(QUERIES["list_alarms"], book)]
