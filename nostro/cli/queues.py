"""`nostro queues`: what waits for an answer that no acquirer can be asked for, with its age."""

from __future__ import annotations

from typing import Any

from nostro.cli.ledger.asking import ask
from nostro.cli.options import Book, DatabaseUrl, DataDir, Json
from nostro.cli.programs import print_json
from nostro.kernel.clock import BusinessTime
from nostro.kernel.ports import Reader
from nostro.ledger.position import position
from nostro.notifications.queues import OpenNote, open_notes
from nostro.payments import queues as attempts
from nostro.payments.ladder import Awaiting
from nostro.payments.queues import Queue
from nostro.refunds import queues as refunds
from nostro.system import SystemClock

SHOWN = 20


def queues(
    book: Book = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """List what has an unknown outcome and nobody to ask, and the notifications that a person has to look at.

    Exit code 0 whether or not something waits: alarm on `oldest_seconds`.
    """

    async def question(reader: Reader) -> tuple[list[dict[str, Any]], list[OpenNote]]:
        await position(reader, book)  # raises for a book that is not there
        now = SystemClock().business()
        found = [
            await _queue(reader, book, room, queue, now)
            for room in (attempts, refunds)
            for queue in await room.queues(reader, book)
        ]
        return found, await open_notes(reader, book, SHOWN)

    found, notes = ask(data_dir, database_url, question)
    if as_json:
        print_json({"book": book, "queues": found, "notifications": notes})
    else:
        _show(found, notes)


async def _queue(
    reader: Reader, book: int, room: Any, queue: Queue, now: BusinessTime
) -> dict[str, Any]:
    rows = await room.waiting(reader, book, Awaiting(queue.name), SHOWN)
    return {
        "queue": queue.name, "of": queue.of, "count": queue.count,
        "oldest_seconds": (now - queue.oldest_ms) // 1_000, "oldest": rows,
    }  # fmt: skip


def _show(found: list[dict[str, Any]], notes: list[OpenNote]) -> None:
    if not found and not notes:
        print("Nothing waits.")
    for queue in found:
        print(
            f"{queue['queue']}: {queue['count']} {queue['of']}, "
            f"the oldest for {queue['oldest_seconds']} s"
        )
        for row in queue["oldest"]:
            print(f"  {row.id}  {row.operation} {row.amount} {row.currency} at {row.acquirer}")
    for note in notes:
        print(f"notification {note.id} of {note.reference}: {note.state}, {note.reason}")
