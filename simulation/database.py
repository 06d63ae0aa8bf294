"""Our sessions over real connections, one statement at a time: the order on the server is the seed's.

The code that speaks to PostgreSQL is the product's own `Session`. Its round trips take virtual time and may be lost.
A statement that would wait for a lock is tried again whenever a transaction has ended.
"""

import asyncio
import select
from collections import Counter
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import TransactionStatus

from nostro.db.session import (
    ConnectionLost,
    Encoded,
    Refused,
    Result,
    Session,
    Statement,
    _options,
    _Text,
)
from simulation.faults import Faults
from simulation.loop import HOST, Host, SimLoop

LOCK_SECONDS = 3.0  # as the committer's own settings have it
IDLE_IN_TRANSACTION_SECONDS = 5.0
# The server's own time must not count: however slow this machine is, it is virtual time that runs out.
_OPTIONS = (
    "-c lock_timeout=3 -c synchronous_commit=off -c statement_timeout=10min "
    "-c idle_in_transaction_session_timeout=10min -c transaction_timeout=10min"
)
_LOCKED = "55P03"
_NOT_UNIQUE = (
    "lease_until",
    "due_at",
    "available_on",
    "capture_before",
    "created_ms",
    "expires_ms",
)
_BATCH = "INSERT INTO nostro.batches"


class Line:
    """A real connection, which outlives the sessions that use it one after the other."""

    def __init__(self, url: str) -> None:
        options = f"{_options(url)} {_OPTIONS}"
        self.connection = psycopg.connect(url, autocommit=True, options=options)
        self.connection.adapters.register_loader("json", _Text)
        self.pg = self.connection.pgconn
        self.rows = Transformer(self.connection)
        self.prepared: dict[str, bytes] = {}
        self.names = 0
        self.pg.nonblocking = 1
        self.pg.enter_pipeline_mode()


class BlockingSession(Session):
    """The product's session, waiting for its socket without the loop."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._connection, self._pg, self._rows = line.connection, line.pg, line.rows  # type: ignore[assignment]
        self._socket, self._prepared, self._names = line.pg.socket, line.prepared, line.names

    async def _ready(self, writing: bool) -> None:
        select.select([self._socket], [self._socket] if writing else [], [])

    async def close(self) -> None:
        self._line.names = self._names

    def roll_back(self) -> None:
        """End what is open."""
        if self._pg.transaction_status != TransactionStatus.IDLE:
            work = Session._run(self, [Encoded("ROLLBACK", [])])
            try:
                work.send(None)
            except StopIteration:
                pass


class Server:
    """PostgreSQL as the hosts see it."""

    def __init__(self, url: str, loop: SimLoop, faults: Faults, free: list[Line]) -> None:
        self._url, self.loop, self.faults, self._free = url, loop, faults, free
        self.sessions: dict[SimSession, None] = {}
        self.counts: Counter[str] = Counter()
        self._waiting: list[asyncio.Future[None]] = []
        self._down_until = 0.0

    async def connect(self, url: str = "") -> Session:
        """A session for the host that asks. Raises ConnectionLost."""
        await self.travel()
        down = self.loop.now < self._down_until
        if down or self.loop.rng.random() < self.faults.connect_refused:
            self.counts["connect refused"] += 1
            raise ConnectionLost("refused")
        line = self._free.pop() if self._free else Line(self._url)
        session = SimSession(self, line, HOST.get())
        self.sessions[session] = None
        return session

    async def travel(self) -> None:
        """Half a round trip."""
        rng = self.loop.rng
        seconds = rng.expovariate(2_000)
        if rng.random() < self.faults.trip_slow:
            self.counts["slow trip"] += 1
            seconds = rng.uniform(0.5, 14)
        await asyncio.sleep(seconds)

    def restart(self, seconds: float) -> None:
        """Every connection ends, every transaction is rolled back, and nobody connects for a while."""
        self.counts["server restart"] += 1
        self._down_until = self.loop.now + seconds
        for session in list(self.sessions):
            self.end(session)

    def lost_power(self, host: Host) -> None:
        """The server learns of it sooner or later."""
        for session in list(self.sessions):
            if session.host is host:
                late = self.loop.rng.choice([0.0, 0.0, self.loop.rng.uniform(0, 6)])
                self.loop.outside(late, self.end, session)

    def end(self, session: "SimSession") -> None:
        """A connection ends on the server's side: what is open there is rolled back."""
        if session in self.sessions:
            del self.sessions[session]
            session.broken = True
            session.roll_back()
            session._line.names = session._names
            self._free.append(session._line)
            self.transaction_ended()

    def transaction_ended(self) -> None:
        """Whoever waits for a lock tries again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def another_ends(self, seconds: float) -> bool:
        """Wait until some transaction has ended; False when the time is over."""
        self.counts["lock wait"] += 1
        one = self.loop.create_future()
        self._waiting.append(one)
        done, _ = await asyncio.wait([one], timeout=seconds)
        return bool(done)

    def fate(self, commits: bool) -> str:
        """What happens to a round trip."""
        dice, faults = self.loop.rng.random(), self.faults
        if not commits:
            return "lost" if dice < faults.trip_lost else ""
        for name in ("commit_before", "commit_after", "commit_late"):
            dice -= getattr(faults, name)
            if dice < 0:
                return name
        return ""


class SimSession(BlockingSession):
    """A session of a host that may die, on a way that may fail."""

    def __init__(self, server: Server, line: Line, host: Host | None) -> None:
        super().__init__(line)
        self.server, self.host = server, host
        self.broken = self._is_late = False
        self._transaction = 0

    @property
    def closed(self) -> bool:
        return self.broken

    @property
    def idle(self) -> bool:
        return not self.broken and self._pg.transaction_status == TransactionStatus.IDLE

    async def close(self) -> None:
        self.broken = True
        if not self._is_late:
            self.server.end(self)

    async def _run(self, parcel: Sequence[Encoded]) -> list[Result]:
        server = self.server
        await server.travel()
        self._must_be_open()
        commits = any(statement.text.startswith(_BATCH) for statement in parcel)
        fate = server.fate(commits)
        if fate:
            server.counts[fate] += 1
            server.loop.note(f"database: {fate}")
        if fate in ("lost", "commit_before"):
            raise psycopg.OperationalError(fate)
        if fate == "commit_late":
            self._is_late = True
            server.loop.outside(server.loop.rng.uniform(0.01, 7), self._arrive_late, parcel)
            raise psycopg.OperationalError(fate)
        results = await self._execute(parcel)
        if fate == "commit_after":
            raise psycopg.OperationalError(fate)
        await server.travel()
        self._must_be_open()
        return results

    async def _execute(self, parcel: Sequence[Encoded]) -> list[Result]:
        """At once and alone; again after every transaction's end while a lock is in the way."""
        server, until = self.server, self.server.loop.now + LOCK_SECONDS
        while True:
            try:
                results = await Session._run(self, parcel)
                break
            except Refused as refused:
                server.loop.note(f"database: {refused.sqlstate}", str(refused))
                if refused.sqlstate != _LOCKED:
                    server.transaction_ended()
                opens = len(parcel) == 1 or parcel[0].text.startswith("BEGIN")
                if refused.sqlstate != _LOCKED or not opens:
                    raise
                if not await server.another_ends(until - server.loop.now):
                    raise
                self._must_be_open()
        for statement, result in zip(parcel, results, strict=True):
            if len(result.rows) > 1 and _has_ties(statement.text):
                result.rows.sort(key=repr)
        server.counts["statements"] += len(parcel)
        server.loop.note(f"{parcel[-1].text[:20]} {len(parcel)} {len(results[-1].rows)}")
        if self._pg.transaction_status == TransactionStatus.IDLE:
            server.counts["transactions"] += 1
            if parcel[-1].text == "COMMIT":
                server.transaction_ended()
        else:
            self._transaction += 1
            server.loop.outside(IDLE_IN_TRANSACTION_SECONDS, self._too_long, self._transaction)
        return results

    def _must_be_open(self) -> None:
        if self.broken:
            raise psycopg.OperationalError("the connection is closed")

    def _too_long(self, transaction: int) -> None:
        idle = self._pg.transaction_status == TransactionStatus.IDLE
        if self in self.server.sessions and transaction == self._transaction and not idle:
            self.server.counts["idle in transaction"] += 1
            self.server.end(self)

    def _arrive_late(self, parcel: Sequence[Encoded]) -> None:
        if self not in self.server.sessions:
            return
        work = Session._run(self, parcel)
        try:
            work.send(None)
        except StopIteration:
            self.server.counts["late commit"] += 1
        except (Refused, psycopg.Error):
            self.server.counts["late commit refused"] += 1
        self.server.loop.note("database: a late commit arrived")
        self.server.end(self)


def _has_ties(text: str) -> bool:
    """Whether PostgreSQL may return these rows in another order another time, after other seeds say."""
    return "ORDER BY" not in text or any(f"ORDER BY {by}" in text for by in _NOT_UNIQUE)


async def read(session: Session, text: Any, *given: Any) -> list[tuple[Any, ...]]:
    """Rows of one statement."""
    return (await session.run([Statement(text, given)]))[0].rows
