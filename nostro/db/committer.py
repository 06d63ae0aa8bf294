"""Commands in batches: one transaction decides everything that has gathered for a book (DESIGN §3.1).

Round trip one: the head lock, alone and first, then plain reads of all declared rows.
Round trip two: one set-based write per table, the ledger, the batch row, COMMIT. Then everyone is answered.
While a batch commits the next one gathers; nothing is cached across batches.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from nostro.audit import store as audit
from nostro.audit.texts import SALT_BYTES, NotEncodable
from nostro.db.overlay import Key, Overlay
from nostro.db.session import ConnectionLost, Encoded, Refused, Result, Session, Statement, encode
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Command
from nostro.kernel.errors import (
    CommitUnknown,
    DatabaseUnavailable,
    DeadlineExceeded,
    NostroError,
    OurMistake,
    Overloaded,
)
from nostro.kernel.ports import Clock, Entropy
from nostro.kernel.table import Table, int_array, text_array
from nostro.ledger import store as ledger
from nostro.ledger.fold import Fold
from nostro.ledger.sealed import Head, Sealed

A = TypeVar("A")
Connect = Callable[[], Awaitable[Session]]
BATCH_COMMANDS_MAX = 256
BATCH_WEIGHT_MAX = 1_000  # transfers, of commands that bring many
QUEUE_COMMANDS_MAX = 4_096
DEFAULT_DEADLINE_MS = 10_000
ANSWER_SECONDS_MAX = 10.0  # a round trip that takes longer: the server, or the way to it, is gone
_RETRY_PAUSE_MS = 50
# Not the batch's fault: contention, resources, locks, an operator; also a server that became a standby (25006)
# and a plan that a migration outdated (0A000, 26000).
_RETRIED_STATES = ("40", "53", "55", "57", "25006", "0A000", "26000")
_UNKNOWN_STATES = ("40003", "08007")  # the server itself cannot say whether it committed
# A stalled process must not hold a book, whatever the server's settings are. In the middle of a pipeline, before its
# synchronisation point, only `transaction_timeout` counts (PostgreSQL 17 and later).
_BOUND_TIMEOUTS = Statement(
    "SELECT set_config(s.name, b.bound, false) FROM (VALUES ('statement_timeout', '5s'),"
    " ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '5s'),"
    " ('transaction_timeout', '10s')) AS b (name, bound)"
    " INNER JOIN pg_settings AS s ON s.name = b.name WHERE s.setting = '0'"
)
log = logging.getLogger(__name__)


class _Waiting:
    """A command in the queue and whoever waits for its answer."""

    __slots__ = ("answer", "command", "deadline", "error", "future", "reads")

    def __init__(self, command: Command[Any], deadline: SystemTime) -> None:
        self.command, self.deadline = command, deadline
        self.reads = command.reads()
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.answer: Any = None
        self.error: NostroError | None = None

    def decide(self, overlay: Overlay) -> None:
        """Keep the answer, or the exception that is this command's alone, until the batch is durable."""
        self.error = None
        try:
            self.answer = overlay.decide(self.command, self.reads)
        except Exception as error:
            log.exception("%s failed", type(self.command).__name__)
            self.error = error if isinstance(error, NostroError) else OurMistake(repr(error))

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def conclude(self) -> None:
        """Tell the caller what was decided."""
        if self.error is not None:
            self.fail(self.error)
        elif not self.future.done():
            self.future.set_result(self.answer)


class Committer:
    """Serves one book in one process. Other processes may commit to the same book: the head lock orders them."""

    def __init__(self, book: int, connect: Connect, clock: Clock, entropy: Entropy) -> None:
        self.book = book
        self._connect, self._clock, self._entropy = connect, clock, entropy
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.batches = 0
        self.commands = 0

    async def run(self, command: Command[A], deadline: SystemTime | None = None) -> A:
        """Decide a command in the next batch; returns its answer once it is durable."""
        if self._closed:
            raise DatabaseUnavailable("shutting down")
        if command.book != self.book:
            raise OurMistake(f"a command for book {command.book} in book {self.book}")
        if len(self._queue) >= QUEUE_COMMANDS_MAX:
            raise Overloaded
        if deadline is None:
            deadline = SystemTime(self._clock.system() + DEFAULT_DEADLINE_MS)
        waiting = _Waiting(command, deadline)
        self._queue.append(waiting)
        self._arrived.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())
        answer: A = await waiting.future
        return answer

    async def close(self) -> None:
        """Stop serving. What is queued fails with DatabaseUnavailable, what is under way with CommitUnknown."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while self._queue:
            self._queue.popleft().fail(DatabaseUnavailable("shutting down"))
        await self._drop_session()

    async def _serve(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._gathered()
            if not self._queue:
                self._arrived.clear()
            try:
                await self._finish(batch)
            except BaseException as error:
                # Cancelled, or a mistake of this very file: whoever has no answer yet must ask.
                self._fail(batch, CommitUnknown())
                if not isinstance(error, Exception):
                    raise
                log.exception("a batch was left in doubt")
                await self._drop_session()

    def _gathered(self) -> list[_Waiting]:
        """The commands of the next batch: bounded in number and in weight, one at least."""
        batch: list[_Waiting] = []
        weight = 0
        while self._queue and len(batch) < BATCH_COMMANDS_MAX and weight < BATCH_WEIGHT_MAX:
            waiting = self._queue.popleft()
            weight += getattr(waiting.command, "weight", 1)
            batch.append(waiting)
        return batch

    async def _finish(self, batch: list[_Waiting]) -> None:
        """See a batch through: committed, refused, or known not to have happened by its deadlines."""
        while batch := self._in_time(batch):
            try:
                await self._commit(batch)
            except Refused as refused:
                if not refused.sqlstate.startswith(_RETRIED_STATES):
                    return await self._bisect(batch, refused)
                log.warning("batch refused, will retry: %s", refused)
            except ConnectionLost as lost:
                log.warning("database connection lost: %s", lost)
            except (CommitUnknown, OurMistake) as error:
                await self._drop_session()
                return self._fail(batch, error)
            except Exception as error:  # noqa: BLE001  nothing was sent: it cannot be encoded, say
                await self._drop_session()
                return await self._bisect(batch, error)
            else:
                return self._conclude(batch)
            await self._drop_session()
            await self._clock.sleep(_RETRY_PAUSE_MS)

    def _conclude(self, batch: Sequence[_Waiting]) -> None:
        self.batches += 1
        self.commands += len(batch)
        for waiting in batch:
            waiting.conclude()

    def _in_time(self, batch: list[_Waiting]) -> list[_Waiting]:
        now = self._clock.system()
        late = [waiting for waiting in batch if waiting.deadline <= now]
        self._fail(late, DeadlineExceeded())
        return [w for w in batch if w.deadline > now and not w.future.done()]

    def _fail(self, batch: Sequence[_Waiting], error: BaseException) -> None:
        for waiting in batch:
            waiting.fail(error)

    async def _bisect(self, batch: list[_Waiting], error: Exception) -> None:
        """Nothing happened, because of somebody: halve until it is known of whom. A lone command is our bug."""
        if len(batch) == 1:
            log.error("%s cannot be committed: %r", type(batch[0].command).__name__, error)
            return batch[0].fail(OurMistake(repr(error)))
        middle = len(batch) // 2
        await self._finish(batch[:middle])
        await self._finish(batch[middle:])

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Returns when the batch is durable. Raises CommitUnknown; after anything else nothing happened."""
        session = await self._connected()
        work = _Batch(self.book, batch, self._clock, self._entropy)
        overlay = work.decide(await session.run(work.opening(), ANSWER_SECONDS_MAX))
        parcel = _parcel(work, overlay)  # once it is sent, only the database knows
        try:
            tag = (await session.send(parcel, ANSWER_SECONDS_MAX))[-1].tag
        except Exception as error:
            if isinstance(error, Refused) and error.sqlstate not in _UNKNOWN_STATES:
                raise
            if overlay.is_empty or await self._committed_after_all(work):
                return
            raise ConnectionLost(str(error)) from error
        if tag != "COMMIT":
            raise OurMistake(f"the batch ended in {tag}, not COMMIT")

    async def _committed_after_all(self, work: _Batch) -> bool:
        """Ask under the head lock, which waits for the lost transaction to end. Asked once at least."""
        while True:
            await self._drop_session()
            try:
                session = await self._connected()
                return bool((await session.run(work.question(), ANSWER_SECONDS_MAX))[2].rows)
            except Exception as error:  # noqa: BLE001  whatever it is, the truth is not known
                log.warning("cannot ask yet whether batch %s committed: %s", work.batch_no, error)
            if self._clock.system() >= work.deadline:
                raise CommitUnknown
            await self._clock.sleep(_RETRY_PAUSE_MS)

    async def _connected(self) -> Session:
        """A session in which nothing is under way. Raises ConnectionLost."""
        if self._session is None or not self._session.idle:
            await self._drop_session()
            try:
                session = await self._connect()
                await session.run([_BOUND_TIMEOUTS], ANSWER_SECONDS_MAX)
            except Exception as error:
                raise ConnectionLost(str(error)) from error
            self._session = session
        return self._session

    async def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _parcel(work: _Batch, overlay: Overlay) -> list[Encoded]:
    """The second round trip, ready to be sent. Raises ValueError for what the log or PostgreSQL cannot hold."""
    try:
        return encode(work.closing(overlay))
    except NotEncodable as error:
        raise ValueError(str(error)) from error


class _Batch:
    """One attempt at one batch: the statements of both round trips around the decisions."""

    def __init__(
        self, book: int, batch: Sequence[_Waiting], clock: Clock, entropy: Entropy
    ) -> None:
        self.book, self.waiting = book, batch
        self.clock, self.entropy = clock, entropy
        self.writer = entropy.bytes(16).hex()
        self.deadline = max(item.deadline for item in batch)
        self.batch_no = 0
        self._tables: dict[Table[Any], list[str]] = {}
        accounts: dict[str, None] = {}
        holds: dict[str, None] = {}
        transfers: dict[str, None] = {}
        for item in batch:
            accounts.update(dict.fromkeys(item.reads.accounts))
            holds.update(dict.fromkeys(item.reads.holds))
            transfers.update(dict.fromkeys(item.reads.transfers))
            for table, key in item.reads.rows:
                self._tables.setdefault(table, []).append(key)
        self._accounts, self._holds = list(accounts), list(holds)
        self._transfers = list(transfers)

    def opening(self) -> list[Statement]:
        """The head lock, then every declared row."""
        statements = [
            Statement("BEGIN ISOLATION LEVEL READ COMMITTED"),
            Statement(ledger.QUERIES["lock_head"], (self.book,)),
        ]
        for table, keys in self._tables.items():
            statements.append(Statement(table.read, (self.book, text_array(dict.fromkeys(keys)))))
        if self._accounts:
            parameters = (self.book, text_array(self._accounts))
            statements.append(Statement(ledger.QUERIES["read_accounts"], parameters))
        if self._holds:
            parameters = (self.book, text_array(self._holds))
            statements.append(Statement(ledger.QUERIES["read_holds"], parameters))
        if self._transfers:
            parameters = (self.book, text_array(self._transfers))
            statements.append(Statement(ledger.QUERIES["read_known"], parameters))
        return statements

    def decide(self, results: Sequence[Result]) -> Overlay:
        """Every command in order, each seeing those before it; one that raises fails alone."""
        overlay = self._overlay(results)
        for item in self.waiting:
            item.decide(overlay)
        return overlay

    def _overlay(self, results: Sequence[Result]) -> Overlay:
        if not results[1].rows:
            raise OurMistake(f"book {self.book} does not exist")
        self.head = Head(*results[1].rows[0])
        self.batch_no, self.next_seq = self.head.next_batch, self.head.next_seq
        self.now = BusinessTime(max(self.clock.business(), self.head.last_ms))
        answers = iter(results[2:])
        committed: dict[Key, Any] = {}
        for table in self._tables:
            for values in next(answers).rows:
                row = table.decode(values)
                committed[table.name, table.key_of(row)] = row
        accounts = ledger.accounts_from(next(answers).rows) if self._accounts else {}
        holds = ledger.holds_from(next(answers).rows) if self._holds else {}
        known = ledger.known_from(next(answers).rows) if self._transfers else {}
        self.versions_read = {code: account.version for code, account in accounts.items()}
        self.holds_read = frozenset(holds)
        head = self.head
        fold = Fold(accounts, holds, head.next_account, head.next_transfer, self.now, known)
        return Overlay(committed, fold, self.now, self.clock.system(), self._salt)

    def closing(self, overlay: Overlay) -> list[Statement]:
        """One write per table, the ledger, the batch row, the head, COMMIT.

        What goes and what changes is written before what is new, which may take its place in a unique index.
        """
        if overlay.is_empty:
            return [Statement("COMMIT")]
        statements: list[Statement] = []
        for table, keys in overlay.deleted.items():
            statements.append(self._delete(table, list(keys)))
        for table, rows in overlay.updated.items():
            statements.append(self._update(table, list(rows.values())))
        for table, rows in overlay.inserted.items():
            statements.append(self._insert(table, list(rows.values())))
        sealed = Sealed(
            self.book, self.head, overlay.fold, self.versions_read, overlay.audit, self.writer,
            iter(self._salt, None),
        )  # fmt: skip
        for text, parameters in ledger.writes(sealed, self.holds_read):
            statements.append(Statement(text, parameters))
        if overlay.audit:
            written = audit.insert(overlay.audit, self.book, self.batch_no, self.head.next_audit)
            statements.append(Statement(*written))
        return [*statements, *self._book_keeping(sealed), Statement("COMMIT")]

    def _salt(self) -> bytes:
        return self.entropy.bytes(SALT_BYTES)

    def question(self) -> list[Statement]:
        """Did this very batch commit? Asked on a new connection."""
        parameters = (self.book, self.batch_no, self.writer)
        return [
            Statement("BEGIN ISOLATION LEVEL READ COMMITTED"),
            Statement(ledger.QUERIES["lock_head"], (self.book,)),
            Statement(ledger.QUERIES["find_batch"], parameters),
            Statement("COMMIT"),
        ]

    def _insert(self, table: Table[Any], rows: list[Any]) -> Statement:
        arrays: list[Any] = table.insert_arrays(rows)
        if table.listed:
            arrays.insert(0, int_array(range(self.next_seq, self.next_seq + len(rows))))
            self.next_seq += len(rows)
        return Statement(table.insert, (self.book, *arrays))

    def _update(self, table: Table[Any], rows: list[Any]) -> Statement:
        if table.update is None:
            raise OurMistake(f"{table.name} is append-only")
        return Statement(table.update, (self.book, *table.update_arrays(rows)))

    def _delete(self, table: Table[Any], keys: list[str]) -> Statement:
        if table.delete is None:
            raise OurMistake(f"rows of {table.name} are never deleted")
        return Statement(table.delete, (self.book, text_array(keys)))

    def _book_keeping(self, sealed: Sealed) -> list[Statement]:
        fold, read = sealed.fold, self.head
        head = (
            self.book, self.next_seq, fold.last_seq + 1, fold.next_number, self.batch_no + 1,
            read.next_audit + len(sealed.audit), self.now, sealed.leaf, sealed.frontier,
        )  # fmt: skip
        batch = (self.book, *sealed.header(), sealed.leaf)
        return [
            Statement(ledger.QUERIES["insert_batch"], batch),
            Statement(ledger.QUERIES["advance_head"], head),
        ]
