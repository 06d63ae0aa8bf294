"""Where in a book's history a question is asked: the number of the last transfer that counts.

One rule: whatever takes several reads is asked as of one position. The ledger is append-only, so those reads agree
with one another, without a lock and without a snapshot, however much is being recorded meanwhile.
"""

from __future__ import annotations

from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Reader
from nostro.kernel.queries import load

QUERIES = load("nostro.ledger", "asking.sql")


async def position(reader: Reader, book: int, at_ms: int | None = None) -> int:
    """The number of the last transfer recorded by an instant (business time, milliseconds), or by now.

    0 before the first. Raises Misconfigured if there is no such book.
    """
    newest = await reader.fetch(QUERIES["last_transfer"], book)
    if not newest:
        raise Misconfigured(f"there is no book {book}: 1 is the test book, 2 the live one")
    if at_ms is None:
        return int(newest[0][0])
    rows = await reader.fetch(QUERIES["last_transfer_by"], book, at_ms)
    return int(rows[0][0]) if rows else 0
