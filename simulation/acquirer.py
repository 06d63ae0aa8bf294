"""The acquirer of the simulation: the sandbox's own rules and answers over a book in memory, behind a bad way to it.

Ours is the product's adapter; only what carries its bytes is replaced.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import cast

import msgspec

from nostro.acquirers.http import CONNECT_SECONDS, HttpClient, NeverWritten, NoAnswer, always
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_report import read_report
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.outcome import Approved, Rejected
from nostro.kernel.ports import Clock, PaymentMessage, Report, ReportLine
from nostro.verification.acquirer_book import Line
from sandbox.answers import Reply, encode, render, render_refusal
from sandbox.book import Reader
from sandbox.decisions import Decided, Refusal, decide, mature
from sandbox.identity import Identity
from sandbox.manners import HONOURS, Manner
from sandbox.messages import Authorize, Cancel, Capture, Inquire, Refund, Request, Void
from sandbox.model import Batch, Operation
from sandbox.service import _as_pending
from sandbox.settlement import write_settlement
from simulation.faults import Faults
from simulation.leaving import DEADLINE, Leaving
from simulation.loop import HOST, SimLoop
from simulation.scene import FIRST

CALL_SECONDS = 10.0
REFUND_DELAY_MS = 4_000
SHORT = 7  # what an approval in part lacks; a wrong reply is off by another amount
IDENTITY = Identity("00000001", b"0123456789abcdef0123456789abcdef")
BROKEN = Reply(500, encode({"error": "internal_error", "message": "Something went wrong."}))
_KINDS = {
    b"/v1/authorize": Authorize, b"/v1/capture": Capture, b"/v1/void": Void,
    b"/v1/refund": Refund, b"/v1/cancel": Cancel,
}  # fmt: skip


class Book:
    """What the acquirer did, and when each charge stood."""

    def __init__(
        self,
        loop: SimLoop,
        faults: Faults,
        name: str = FIRST,
        manner: Manner = HONOURS,
        misreported: float = 0.0,
    ) -> None:
        self._loop, self._faults = loop, faults
        self.name, self.manner = name, manner
        self._misreported = misreported
        self.on_done: Callable[[Operation], None] = lambda row: None  # it has decided something
        self.batch = Batch(loop.true_ms(), 1, REFUND_DELAY_MS, manner)
        self.counts: Counter[str] = Counter()
        self.approved_in_part: set[str] = set()  # references
        self.answered_wrongly: set[str] = set()  # references, of which it answered another amount
        self.stood: dict[tuple[str, int], list[float]] = {}  # each: from when, and until when

    @property
    def operations(self) -> dict[str, Operation]:
        return self.batch.operations

    @property
    def executed(self) -> list[Operation]:
        """Everything that was ever done, what was forgotten too."""
        return self.batch.inserted

    async def report(self, day: date) -> Report:
        """As the product asks for it."""
        found = self.report_now(day)
        self.counts["line that says another amount"] += len(self.misreported(found.lines))
        return found

    def report_now(self, day: date) -> Report:
        """The settlement report of a day, written and read as the sandbox's own is."""
        file, _ = write_settlement(cast(Reader, _Rows(self)), IDENTITY, day)
        with file:
            report = read_report(file.read())
        wrong = self.misreported(report.lines)
        return msgspec.structs.replace(
            report,
            lines=tuple(_wrong(line) if line.number in wrong else line for line in report.lines),
        )

    def misreported(self, lines: Sequence[ReportLine]) -> set[int]:
        """The numbers of the lines that are told wrongly, the same ones each time."""
        rates = random.Random(f"misreported {len(lines)}")
        return {
            line.number
            for line in lines
            if rates.random() < self._misreported and isinstance(line.evidence, Approved)
        }

    def is_maturing(self) -> bool:
        """Whether a refund will still become something else."""
        self.lines()
        return any(row.matures_ms is not None for row in self.executed)

    def act(self, request: Request) -> Reply:
        """Decide one request, whole and durably."""
        batch = self.batch
        batch.now_ms = self._loop.true_ms()
        self._mature()
        try:
            answer = decide(batch, request, IDENTITY)
        except Refusal as refusal:
            self.counts[refusal.code] += 1
            tombstone = batch.tombstones.get(request.reference)
            if refusal.code == "cancelled_reference" and tombstone is not None:
                self.counts[f"refused by a tombstone, {tombstone.reason}"] += 1
            self._loop.note(f"acquirer refuses: {refusal.code}", request.reference)
            return render_refusal(refusal, IDENTITY)
        self._loop.note(
            f"acquirer: {type(request).__name__}", f"{request.reference} {_said(answer)}"
        )
        self.counts[type(request).__name__] += 1
        if isinstance(request, Authorize):
            self._approve_in_part(answer)
        self._remember(request.reference)
        if isinstance(request, Void):
            self._remember(request.original)
        if not self.manner.notifies:
            return render(answer, IDENTITY)
        if isinstance(answer, Decided):
            self.on_done(answer.operation)
        return _as_pending(render(answer, IDENTITY))

    def lines(self) -> list[Line]:
        """The book as `nostro verify` reads it."""
        self.batch.now_ms = self._loop.true_ms()
        self._mature()
        return [
            Line(
                row.reference, row.operation, row.amount, row.currency, row.outcome, row.state,
                row.created_ms, row.cancelled_ms is not None, row.original, self.name,
            )
            for row in self.executed
        ]  # fmt: skip

    def standing_in_part(self) -> set[str]:
        """References of charges that stand, for less than was asked: what only a person can settle."""
        rows = self.operations
        return {one for one in self.approved_in_part if rows[one].state in ("approved", "voided")}

    def _approve_in_part(self, answer: object) -> None:
        """The charge is made for less than was asked for, and every later answer says so."""
        if not isinstance(answer, Decided) or answer.duplicate:
            return
        row = answer.operation
        if row.state == "approved" and 0 < self._loop.rng.random() < self._faults.partial_approval:
            self.counts["approved in part"] += 1
            self.approved_in_part.add(row.reference)
            row.amount, row.captured = row.amount - SHORT, max(0, row.captured - SHORT)

    def _remember(self, reference: str) -> None:
        row = self.operations.get(reference)
        if row is None or row.operation not in ("sale", "authorize"):
            return
        if row.state == "approved":
            self.stood.setdefault((reference, row.seq), [self._loop.now])
        elif len(self.stood.get((reference, row.seq), [])) == 1:
            self.stood[reference, row.seq].append(self._loop.now)

    def _mature(self) -> None:
        batch = self.batch
        for row in batch.inserted:
            if row.matures_ms is not None and row.matures_ms <= batch.now_ms:
                mature(batch, row)


class _Rows:
    """The book in memory as what writes the settlement file reads it (`settlement` in the sandbox's queries)."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def rows(self, _: str, start: int, stop: int) -> Iterator[tuple[object, ...]]:
        """The lines of a day."""
        lines = [
            (row.seq, *line, row.merchant, row.reference, row.original, row.currency, row.amount)
            for row in self._book.executed
            if row.outcome == "approved"
            for line in _lines_of(row, start, stop)
        ]
        return iter(sorted(lines, key=lambda line: line[:2]))


def _wrong(line: ReportLine) -> ReportLine:
    told = cast(Approved, line.evidence)
    if line.number % 2:
        other = msgspec.structs.replace(told, amount=told.amount + SHORT)
    else:
        other = msgspec.structs.replace(told, currency="eur")
    return msgspec.structs.replace(line, evidence=other)


def _lines_of(row: Operation, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
    def within(when: int | None) -> bool:
        return when is not None and start <= when < stop

    cancelled = row.cancelled_ms
    if row.operation == "sale" and within(row.created_ms):
        if cancelled is None or cancelled >= stop:
            yield "sale", 1, 1
    elif row.operation == "sale" and row.created_ms < start and within(cancelled):
        yield "sale_reversal", -1, -1
    elif row.operation == "capture" and within(row.created_ms):
        yield "capture", 1, 1
    elif row.operation == "refund":
        if within(row.matured_ms if row.refund_manner == "pending" else row.created_ms):
            yield "refund", -1, 1
        if row.state == "failed" and within(row.matured_ms):
            yield "refund_failure", 1, -1


class Way(HttpClient):
    """Carries requests there and answers back, in the place of the adapter's HTTP client, whose type it keeps."""

    def __init__(self, loop: SimLoop, book: Book, faults: Faults, leaving: Leaving) -> None:
        self._loop, self._book, self._faults = loop, book, faults
        self._leaving = leaving

    async def post(
        self, path: bytes, body: bytes, in_time: Callable[[], bool] = always
    ) -> tuple[int, bytes]:
        """Raises NeverWritten or NoAnswer."""
        return await self._carry(msgspec.json.decode(body, type=_KINDS[path]), in_time)

    async def get(self, path: bytes) -> tuple[int, bytes]:
        """Raises NeverWritten or NoAnswer."""
        return await self._carry(Inquire(path.rpartition(b"/")[2].decode()), always)

    async def close(self) -> None:
        """Nothing is open."""

    async def _carry(self, request: Request, in_time: Callable[[], bool]) -> tuple[int, bytes]:
        rng, faults, manner = self._loop.rng, self._faults, self._book.manner
        if not (manner.cancels if isinstance(request, Cancel) else True) or (
            isinstance(request, Inquire) and not manner.answers_inquiries
        ):
            raise AssertionError(f"{manner.name} is asked to {type(request).__name__}")
        await self._connect()
        if not in_time():
            self._is("too late to write", 1.0)
            raise NeverWritten("the time to send it was over")
        self._leaving.look(request)
        if self._is("stall before write", faults.stall_before_write):
            await self._stall()
        answer: asyncio.Future[Reply] = self._loop.create_future()
        # One that knows no reference executes what a network doubles: nobody can help that.
        twice = 0.0 if manner.forget_after_ms == 0 else faults.request_twice
        for _ in range(1 + self._is("request twice", twice)):
            if not self._is("request lost", faults.request_lost):
                slow = self._is("request slow", faults.request_slow)
                seconds = (
                    rng.choice([rng.uniform(1, 12), rng.uniform(9, 70)])
                    if slow
                    else rng.expovariate(20)
                )
                again = msgspec.structs.replace(request)
                self._loop.outside(seconds, self._arrive, again, answer)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reply = await answer
        except TimeoutError:
            raise NoAnswer("no answer in time") from None
        return reply.status, reply.body

    async def _connect(self) -> None:
        """A host may stall while it waits for its connection: what it looks at next is the deadline."""
        if self._is("refused", self._faults.refused):
            raise NeverWritten("refused")
        if self._is("connecting slowly", self._faults.connect_slow):
            seconds = self._loop.rng.uniform(0.5, 1.5 * CONNECT_SECONDS)
            await asyncio.sleep(min(seconds, CONNECT_SECONDS))
            if seconds > CONNECT_SECONDS:
                raise NeverWritten("no connection in time")
        if self._is("stall while connecting", self._faults.stall_connecting):
            await self._stall()

    def _arrive(self, request: Request, answer: "asyncio.Future[Reply]") -> None:
        faults = self._faults
        if self._is("error before", faults.error_before):
            return self._back(answer, BROKEN)
        reply = self._book.act(request)
        if self._is("error after", faults.error_after):
            reply = BROKEN
        elif self._is("wrong amount", faults.wrong_amount):
            reply = _with_wrong_amount(reply)
            self._book.answered_wrongly.add(request.reference)
        if not self._is("reply lost", faults.reply_lost):
            self._back(answer, reply)

    def _back(self, answer: "asyncio.Future[Reply]", reply: Reply) -> None:
        slow = self._is("reply slow", self._faults.reply_slow)
        seconds = self._loop.rng.uniform(1, 20) if slow else self._loop.rng.expovariate(20)
        self._loop.outside(seconds, _set, answer, reply)

    async def _stall(self) -> None:
        host = HOST.get()
        assert host is not None
        self._loop.freeze(host, self._loop.rng.uniform(3, 45))
        await asyncio.sleep(0)

    def _is(self, name: str, rate: float) -> bool:
        happens = rate > 0 and self._loop.rng.random() < rate
        if happens:
            self._book.counts[name] += 1
            self._loop.note(f"way to the acquirer: {name}")
        return happens


class SimAcquirer(SandboxAcquirer):
    """The product's adapter, on a host that may stall just before it looks at the deadline."""

    def __init__(
        self,
        loop: SimLoop,
        book: Book,
        faults: Faults,
        clock: Clock,
        leaving: Leaving,
        can: Capabilities,
    ) -> None:
        super().__init__("http://acquirer.example", clock, book.name, capabilities=can)
        self._loop, self._faults, self._counts = loop, faults, book.counts
        self._leaving = leaving
        self._http = Way(loop, book, faults, leaving)

    async def _send(self, path: str, message: PaymentMessage, body: dict[str, object]):  # type: ignore[no-untyped-def]
        host, faults = HOST.get(), self._faults
        self._loop.note(f"sends: {path}", message.reference)
        if host is not None and self._loop.rng.random() < faults.stall_before_send:
            self._counts["stall between intend and send"] += 1
            self._loop.note("stalls before the send", message.reference)
            self._loop.freeze(host, self._loop.rng.uniform(3, 45))
            await asyncio.sleep(0)
        DEADLINE.set(message.send_by)
        outcome = await super()._send(path, message, body)
        if isinstance(outcome, Rejected) and self._leaving.sent[message.reference] > 1:
            self._counts["repeat refused"] += 1
        self._loop.note(f"learns: {type(outcome).__name__}", f"{message.reference} {outcome}")
        return outcome


def _set(answer: "asyncio.Future[Reply]", reply: Reply) -> None:
    if not answer.done():
        answer.set_result(reply)


def _said(answer: object) -> str:
    return answer.operation.state if isinstance(answer, Decided) else type(answer).__name__


def _with_wrong_amount(reply: Reply) -> Reply:
    body = msgspec.json.decode(reply.body)
    if "amount" not in body:
        return reply
    return Reply(reply.status, encode(body | {"amount": body["amount"] + 1}))
