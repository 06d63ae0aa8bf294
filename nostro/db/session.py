"""One connection to PostgreSQL that sends several statements in one round trip.

A thin layer on libpq's pipeline mode as psycopg exposes it: cursors cost more than the statements they carry
(ADR 0003 has the measurement). A lost connection is `ConnectionLost`; what PostgreSQL refused is `Refused` with its
SQLSTATE. Nothing is ever retried here: a retried COMMIT may pay twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg.adapt import Loader, Transformer
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from nostro.kernel.table import text_array

_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)

# Every statement of ours finds its rows by key. A plan made while a table was small would read all of it for ever
# after, since a prepared statement keeps its plan: measured, 5 ms instead of 0.3 for an update of 17 rows.
_PLANS = (
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
    "-c plan_cache_mode=force_generic_plan"
)


class Statement(NamedTuple):
    """A statement and its parameters."""

    text: LiteralString
    parameters: Sequence[Any] = ()


class Encoded(NamedTuple):
    """A statement with its parameters as they go over the wire."""

    text: LiteralString
    parameters: list[bytes | None]


class Result(NamedTuple):
    """Rows (empty for a plain write) and the command tag."""

    rows: list[tuple[Any, ...]]
    tag: str


class ConnectionLost(Exception):
    """The connection ended: what was under way may or may not have happened."""


class Refused(Exception):
    """PostgreSQL refused a statement; `sqlstate` says why. The transaction is over."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


class Session:
    """A connection in autocommit mode; transactions are statements of the caller's. One `run` at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._pg: PGconn = connection.pgconn
        self._socket = self._pg.socket
        self._rows = Transformer(connection)
        self._prepared: dict[str, bytes] = {}
        self._names = 0
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()

    @classmethod
    async def open(cls, url: str) -> Session:
        """Connect. Raises ConnectionLost when the server cannot be reached or refuses us."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=5, options=_options(url)
            )
        except psycopg.Error as error:
            raise ConnectionLost(str(error)) from error
        connection.adapters.register_loader("json", _Text)
        return cls(connection)

    @property
    def closed(self) -> bool:
        """Whether the connection is known to have ended."""
        return self._pg.status != ConnStatus.OK

    @property
    def idle(self) -> bool:
        """Whether it is fit for new work: open, with no transaction and nothing under way."""
        return not self.closed and self._pg.transaction_status == TransactionStatus.IDLE

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()

    async def run(
        self, statements: Sequence[Statement], seconds: float | None = None
    ) -> list[Result]:
        """Encode and send all statements at once; their results in order."""
        return await self.send(encode(statements), seconds)

    async def send(self, parcel: Sequence[Encoded], seconds: float | None = None) -> list[Result]:
        """Send all at once and return the results in order.

        Raises Refused, or ConnectionLost, also when there is no answer within `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._run(parcel)
        except Refused:
            raise
        except (psycopg.OperationalError, OSError) as error:
            await self.close()
            raise ConnectionLost(str(error) or "no answer in time") from error
        except BaseException:
            await self.close()  # in the middle of something: its state is nobody's to guess
            raise

    async def _run(self, parcel: Sequence[Encoded]) -> list[Result]:
        expected = [self._send(statement) for statement in parcel]
        self._pg.pipeline_sync()
        answers = await self._answers()
        refusal = _first_refusal(answers)
        if refusal is not None:
            self._forget_unprepared(parcel, expected, answers)
            await self._roll_back()
            raise refusal
        return [self._result(answers[number]) for number in _last_numbers(expected)]

    def _send(self, statement: Encoded) -> int:
        """Queue a statement, prepared first if it is new here. Returns how many answers it gets."""
        name = self._prepared.get(statement.text)
        answers = 1
        if name is None:
            self._names += 1
            name = b"s%d" % self._names
            self._pg.send_prepare(name, statement.text.encode())
            self._prepared[statement.text] = name
            answers = 2
        self._pg.send_query_prepared(name, statement.parameters)
        return answers

    def _forget_unprepared(
        self, parcel: Sequence[Encoded], expected: Sequence[int], answers: Sequence[PGresult]
    ) -> None:
        """A preparation that succeeded outlives the refusal; one that an error skipped never happened."""
        at = 0
        for statement, count in zip(parcel, expected, strict=True):
            if count == 2 and answers[at].status not in _DONE:
                self._prepared.pop(statement.text, None)
            at += count

    async def _answers(self) -> list[PGresult]:
        """Everything up to the synchronisation point."""
        await self._flush()
        answers: list[PGresult] = []
        while True:
            while self._pg.is_busy():
                await self._readable()
                self._pg.consume_input()
            result = self._pg.get_result()
            if result is None:
                if self._pg.status != ConnStatus.OK:
                    raise psycopg.OperationalError("the connection was lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return answers
            else:
                answers.append(result)

    async def _flush(self) -> None:
        """Write everything; read meanwhile, or both sides could wait for each other for ever."""
        while self._pg.flush():
            await self._ready(writing=True)
            self._pg.consume_input()

    async def _readable(self) -> None:
        await self._ready(writing=False)

    async def _ready(self, writing: bool) -> None:
        if self.closed:  # its descriptor may be another's by now
            raise psycopg.OperationalError("the connection is closed")
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(self._socket, wake)
        if writing:
            loop.add_writer(self._socket, wake)
        try:
            await ready
        finally:
            loop.remove_reader(self._socket)
            if writing:
                loop.remove_writer(self._socket)

    async def _roll_back(self) -> None:
        """Leave no transaction open behind an error."""
        if self._pg.transaction_status != TransactionStatus.IDLE:
            self._send(Encoded("ROLLBACK", []))
            self._pg.pipeline_sync()
            await self._answers()
        if not self.idle:
            raise psycopg.OperationalError("the transaction did not end")

    def _result(self, result: PGresult) -> Result:
        tag = (result.command_status or b"").decode()
        if not result.ntuples:
            return Result([], tag)
        self._rows.set_pgresult(result)
        return Result(self._rows.load_rows(0, result.ntuples, tuple), tag)


def encode(statements: Sequence[Statement]) -> list[Encoded]:
    """Ready to be sent. Raises ValueError for a parameter that PostgreSQL cannot hold."""
    return [Encoded(text, [_parameter(value) for value in given]) for text, given in statements]


def _options(url: str) -> str:
    """The URL's own options, and ours."""
    own = conninfo_to_dict(url).get("options")
    return f"{own} {_PLANS}" if own else _PLANS


def _last_numbers(expected: Sequence[int]) -> list[int]:
    """Where each statement's own answer is, after that of its preparation."""
    numbers, at = [], -1
    for answers in expected:
        at += answers
        numbers.append(at)
    return numbers


def _first_refusal(answers: Sequence[PGresult]) -> Refused | None:
    for result in answers:
        if result.status not in _DONE:
            state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
            return Refused(state, result.error_message.decode("utf-8", "replace").strip())
    return None


def _parameter(value: Any) -> bytes | None:
    """A parameter in PostgreSQL's text format. Raises ValueError for text that cannot be one."""
    if isinstance(value, str):
        encoded = value.encode()
        if b"\0" in encoded:  # the driver would cut it there and ask for something else
            raise ValueError("PostgreSQL's text cannot hold NUL")
        return encoded
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    return _parameter(text_array(value))


class _Text(Loader):
    """JSON stays text: the rooms' own decoders know its type."""

    def load(self, data: Any) -> str:
        return bytes(data).decode()
