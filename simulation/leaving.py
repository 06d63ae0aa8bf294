"""What must be true of a message when it is written: it was intended, its send was counted, a cancel was announced.

The rows are read from the database at that very moment, over a connection of the test's own: "durable before it leaves".
"""

from collections import Counter
from contextvars import ContextVar
from typing import Any

import psycopg

from sandbox.messages import Cancel, Inquire, Request
from simulation.loop import HOST, SimLoop

DEADLINE: ContextVar[int | None] = ContextVar("deadline", default=None)  # of what is being sent
_ROW = """
SELECT sends, cancelling, operation FROM nostro.payment_attempts WHERE book_id = %(b)s AND id = %(r)s
UNION ALL
SELECT sends, true, 'refund' FROM nostro.refunds WHERE book_id = %(b)s AND id = %(r)s
"""
_UNDONE_BY_CANCEL = ("sale", "authorize")


class Leaving:
    """Looks at every message that leaves a host for the acquirer."""

    def __init__(self, loop: SimLoop, database: "psycopg.Connection[Any]", book: int) -> None:
        self._loop, self._database, self._book = loop, database, book
        self.sent: Counter[str] = Counter()
        self.faults: list[tuple[str, str]] = []

    def look(self, request: Request) -> None:
        """At what is about to be written."""
        if isinstance(request, Inquire):
            return
        reference = request.reference
        row = self._database.execute(
            _ROW, {"b": self._book, "r": reference}, prepare=True
        ).fetchone()
        if row is None:
            self.faults.append((reference, "left without being intended"))
        elif isinstance(request, Cancel):
            if row[2] in _UNDONE_BY_CANCEL and not row[1]:
                self.faults.append((reference, "a cancel left without a word of it in our rows"))
        else:
            self._sends(reference, int(row[0]))

    def _sends(self, reference: str, counted: int) -> None:
        self.sent[reference] += 1
        if self.sent[reference] > counted:
            self.faults.append((reference, f"send {self.sent[reference]} left, counted {counted}"))
        host, deadline = HOST.get(), DEADLINE.get()
        assert host is not None and deadline is not None, "only hosts send, each message in time"
        late = self._loop.true_ms() + host.clock_ms - deadline
        if late > 0:
            self.faults.append((reference, f"was written {late} ms after its send_by"))
