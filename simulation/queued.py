"""What may stay open for ever, because nobody can be asked about it: exactly that, and nothing else.

A message that an acquirer executed on a day that is over, and reported, is settled. What was never executed, and what
no report ever shows (an authorization, a void, a decline), stays unknown in its queue.
"""

from datetime import date
from typing import Any

import psycopg

from nostro.kernel.clock import DAY
from nostro.ledger.days import date_of
from simulation.hosts import World
from simulation.scene import FIRST

_OPEN = """
SELECT id, intent, state, cancelling, false FROM nostro.payment_attempts
WHERE book_id = %(b)s AND state = 'unknown' AND acquirer = %(a)s AND awaiting = 'awaiting_report'
UNION ALL
SELECT id, intent, state, false, true FROM nostro.refunds
WHERE book_id = %(b)s AND state IN ('unknown', 'accepted', 'provisional') AND acquirer = %(a)s
    AND awaiting = 'awaiting_report'
"""


def waiting(
    world: World, database: "psycopg.Connection[Any]"
) -> tuple[dict[str, str], dict[str, str]]:
    """Attempts and refunds that rightly wait, by id, with their intents."""
    attempts: dict[str, str] = {}
    refunds: dict[str, str] = {}
    if world.scene.reports:
        told = reported(world)
        given = {"b": world.book, "a": FIRST}
        for name, intent, _, cancelling, is_refund in database.execute(_OPEN, given):
            # A cancel on its way may still undo what is reported: for a person.
            if name not in told or cancelling:
                (refunds if is_refund else attempts)[name] = intent
    return attempts, refunds


def reported(world: World) -> set[str]:
    """References in the reports of the days that are over."""
    work = world.acquirer
    today = world.loop.true_ms() // DAY
    days = {row.created_ms // DAY for row in work.executed}
    found: set[str] = set()
    for day in sorted(days):
        if day < today:
            found |= {line.reference for line in work.report_now(_date(day)).lines}
    return found


def _date(day: int) -> Any:

    return date.fromisoformat(date_of(day))


def count(world: World, database: "psycopg.Connection[Any]") -> int:
    """Of what `unfinished` counts: an attempt and its intent, or a refund."""
    attempts, refunds = waiting(world, database)
    in_part = {one for book in world.acquirers.values() for one in book.standing_in_part()}
    return 2 * len(in_part | set(attempts)) + len(refunds)
