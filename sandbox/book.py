"""The acquirer's book on disk: SQLite, write-ahead log, every commit forced to the disk.

`Book` belongs to the writer: one batch at a time. `Reader` has a connection
of its own and sees what is committed.
"""

import dataclasses
import operator
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sandbox.decisions import mature
from sandbox.manners import HONOURS, Manner
from sandbox.model import Batch, Operation, Tombstone

_CACHE_KIB = 8_192
_CHECKPOINT_PAGES = 1_000


def _load_queries() -> dict[str, str]:
    text = Path(__file__).with_name("queries.sql").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.removeprefix("-- ").split("\n\n-- "))
    return {name.strip(): statement for name, _, statement in sections}


QUERIES = _load_queries()


class Book:
    """The writer's side of the book."""

    def __init__(self, path: Path, refund_delay_ms: int, manner: Manner = HONOURS) -> None:
        """Open or create the book at ``path``.

        Raises `sqlite3.IntegrityError` if references of it were used twice and ``manner`` never forgets.
        """
        self.refund_delay_ms, self.manner = refund_delay_ms, manner
        self._sql = sqlite3.connect(path, isolation_level=None)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            f"cache_size = -{_CACHE_KIB}",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        ):
            self._sql.execute(f"PRAGMA {pragma}")
        self._require("journal_mode", "wal")
        self._require("synchronous", 2)
        self._sql.executescript(QUERIES["schema"])
        references = "repeated_references" if manner.forgets else "unique_references"
        self._sql.executescript(QUERIES[references])
        if manner.notifies:
            self._sql.executescript(QUERIES["notifications"])
        head = self._sql.execute(QUERIES["head"]).fetchone()
        self._last_seq: int = head[0] if head else 0
        self._last_ms: int = head[1] if head else 0

    @property
    def last_seq(self) -> int:
        """The number of the newest operation; also how many there are."""
        return self._last_seq

    def begin(self, references: Iterable[str], clock_ms: int) -> Batch:
        """Read the rows that ``references`` name, and mature the refunds that are due.

        The book's time never runs backwards, whatever the clock does.
        """
        now_ms = max(clock_ms, self._last_ms)
        batch = Batch(now_ms, self._last_seq + 1, self.refund_delay_ms, self.manner)
        wanted = (msgspec.json.encode(list(references)).decode(),)
        for operation in self._operations("load_operations", wanted):
            batch.operations[operation.reference] = operation
        for row in self._sql.execute(QUERIES["load_tombstones"], wanted):
            batch.tombstones[row[0]] = Tombstone(*row)
        self._mature(batch)
        return batch

    def commit(self, batch: Batch) -> None:
        """Make a batch's changes durable, in one transaction and one flush."""
        if not batch.is_dirty:
            return
        self._sql.execute("BEGIN IMMEDIATE")
        self._write(batch)
        self._sql.execute("COMMIT")
        self._last_seq, self._last_ms = batch.next_seq - 1, batch.now_ms

    def next_maturity_ms(self) -> int | None:
        """When the next refund turns into what it becomes, if any is waiting."""
        due: int | None = self._sql.execute(QUERIES["next_maturity"]).fetchone()[0]
        return due

    def not_notified(self) -> list[Operation]:
        """The oldest operations of which nobody has been told."""
        return list(self._operations("not_notified", ()))

    def mark_notified(self, seq: int) -> None:
        """Remember that the merchant has acknowledged a notification."""
        self._sql.execute(QUERIES["insert_notified"], (seq,))

    def close(self) -> None:
        """Fold the write-ahead log into the book and close it."""
        self._sql.close()

    def _require(self, pragma: str, value: object) -> None:
        """SQLite goes on silently where it cannot obey; a book that may lose rows must not."""
        actual = self._sql.execute(f"PRAGMA {pragma}").fetchone()[0]
        if actual != value:
            raise RuntimeError(f"SQLite cannot set {pragma} to {value}: it is {actual}")

    def _write(self, batch: Batch) -> None:
        run_many = self._sql.executemany
        if batch.inserted:
            run_many(QUERIES["insert_operation"], map(_row, batch.inserted))
        if batch.changed:
            old = (row for row in batch.changed.values() if row.seq <= self._last_seq)
            changed = map(_change, old)
            run_many(QUERIES["change_operation"], changed)
        if batch.buried:
            rows = ((t.reference, t.reason, t.created_ms) for t in batch.buried)
            run_many(QUERIES["insert_tombstone"], rows)

    def _mature(self, batch: Batch) -> None:
        due = list(self._operations("load_matured", (batch.now_ms,)))
        if not due:
            return
        due = [batch.operations.setdefault(refund.reference, refund) for refund in due]
        originals = {str(refund.original) for refund in due}
        missing = list(originals - batch.operations.keys())
        wanted = (msgspec.json.encode(missing).decode(),)
        for original in self._operations("load_operations", wanted):
            batch.operations[original.reference] = original
        for refund in due:
            mature(batch, refund)

    def _operations(self, query: str, arguments: tuple[Any, ...]) -> Iterator[Operation]:
        for row in self._sql.execute(QUERIES[query], arguments):
            operation = Operation(*row)
            operation.closed = bool(operation.closed)
            yield operation


class Reader:
    """A read-only view of what is committed, for listings and files."""

    def __init__(self, path: Path) -> None:
        """Open the existing book at ``path``."""
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._sql = sqlite3.connect(uri, uri=True, check_same_thread=False)

    def rows(self, query: str, *arguments: object) -> sqlite3.Cursor:
        """Run a named query."""
        return self._sql.execute(QUERIES[query], arguments)

    def close(self) -> None:
        """Close the connection."""
        self._sql.close()


_row = operator.attrgetter(*(field.name for field in dataclasses.fields(Operation)))


def _change(row: Operation) -> tuple[Any, ...]:
    return (
        row.outcome,
        row.state,
        row.captured,
        row.refunded,
        row.closed,
        row.cancelled_ms,
        row.matures_ms,
        row.matured_ms,
        row.failure_reason,
        row.seq,
    )
