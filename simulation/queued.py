"""What may stay open for ever, because nobody can be asked about it: exactly that, and nothing else.

What an acquirer executed on a day that is over, and reported, is settled; so is whatever one that notifies has executed.
What was never executed, and what no report ever shows (an authorization, a void, a decline), stays in its queue. So does
what only a person can settle: a line that says another amount, or one of a message whose cancel may be on its way, and
"not done" of what was answered with another amount before.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

from nostro.kernel.clock import DAY
from nostro.kernel.outcome import Approved
from nostro.ledger.days import date_of
from nostro.payments.ladder import queue
from simulation.hosts import World
from simulation.scene import FIRST

Row = dict[str, Any]
_ATTEMPTS = """
SELECT * FROM nostro.payment_attempts
WHERE book_id = %(b)s AND state = 'unknown' AND (awaiting IS NOT NULL OR contradicted)
"""
_REFUNDS = """
SELECT *, 'refund' AS operation, false AS cancelling FROM nostro.refunds
WHERE book_id = %(b)s AND state IN ('unknown', 'accepted', 'provisional')
AND (awaiting IS NOT NULL OR contradicted)
"""


def waiting(
    world: World, database: "psycopg.Connection[Any]"
) -> tuple[dict[str, Row], dict[str, Row]]:
    """Attempts and refunds that rightly wait, by id."""
    cursor, given = database.cursor(row_factory=dict_row), {"b": world.book}
    attempts = cursor.execute(_ATTEMPTS, given).fetchall()
    refunds = cursor.execute(_REFUNDS, given).fetchall()
    rule = _Rule(world)
    return (
        {row["id"]: row for row in attempts if rule.may_wait(row)},
        {row["id"]: row for row in refunds if rule.may_wait(row)},
    )


def count(world: World, database: "psycopg.Connection[Any]") -> int:
    """Of what `unfinished` counts: an attempt and its intent, or a refund."""
    attempts, refunds = waiting(world, database)
    in_part = {one for book in world.acquirers.values() for one in book.standing_in_part()}
    return 2 * len(in_part | set(attempts)) + len(refunds)


class _Rule:
    """Who may wait in a world as it is now."""

    def __init__(self, world: World) -> None:
        book = world.acquirer
        self._manner, self._queue = world.scene.manner, queue(world.scene.capabilities)
        self._reports = world.scene.reports
        self._told, self._told_done, self._wrongly_told = told(world)
        books = world.acquirers.values()
        self._answered_wrongly = {
            one for book in books for one in book.answered_wrongly | book.approved_in_part
        }
        self._wrongly_told |= book.standing_in_part()
        self._executed = {row.reference for row in book.executed}

    def may_wait(self, row: Row) -> bool:
        """Whether nothing but a person or a later report can settle a message that waits."""
        name = row["id"]
        if row["contradicted"] and name in self._answered_wrongly:
            # Nothing of it leaves any more; that it was done as it was asked for may still be found.
            return row["cancelling"] or name not in self._told_done
        if not self._reports or row["acquirer"] != FIRST or row["awaiting"] != self._queue:
            return False
        if name in self._wrongly_told:
            return True
        if name in self._told:
            return bool(row["cancelling"])
        if self._manner.notifies:
            return name not in self._executed
        # One that remembers for ever is asked again, or told to cancel; but for a refund that it has acknowledged.
        return self._manner.forgets or row["state"] != "unknown"


def told(world: World) -> tuple[set[str], set[str], set[str]]:
    """References in the reports of the days that are over: told rightly, those of them that were done, and told wrongly."""
    rightly: set[str] = set()
    wrongly: set[str] = set()
    not_done: set[str] = set()
    for day in _days(world):
        lines = world.acquirer.report_now(day).lines
        wrong = {lines[number - 1].reference for number in world.acquirer.misreported(lines)}
        wrongly |= wrong
        rightly |= {line.reference for line in lines} - wrong
        not_done |= {line.reference for line in lines if not isinstance(line.evidence, Approved)}
    return rightly, rightly - wrongly - not_done, wrongly


def _days(world: World) -> Iterator[date]:
    today = world.loop.true_ms() // DAY
    executed = world.acquirer.executed
    moments = {row.created_ms for row in executed} | {
        row.matured_ms for row in executed if row.matured_ms is not None
    }
    for day in sorted({moment // DAY for moment in moments}):
        if day < today:
            yield date.fromisoformat(date_of(day))
