"""The sandbox as a whole: routes a request to the writer, the reader or the controls.

Faults are applied here, between the socket and the book: the book itself never misbehaves.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from sandbox.answers import Reply, encode, rejected
from sandbox.book import Reader
from sandbox.connections import Connection
from sandbox.faults import DelayMs, Faults, Rule
from sandbox.identity import Identity
from sandbox.journal import journal
from sandbox.listings import PAGE_DEFAULT, PAGE_MAX, book_page, summary
from sandbox.manners import HONOURS, Manner
from sandbox.messages import Authorize, Cancel, Capture, Inquire, Refund, Request, Void
from sandbox.notices import Notices
from sandbox.settlement import write_settlement
from sandbox.writer import Respond, Writer

_BROKEN = Reply(500, encode({"error": "internal_error", "message": "Something went wrong."}))
_OK = Reply(200, encode({"ok": True}))

_POSTS: dict[bytes, tuple[str, msgspec.json.Decoder[Any]]] = {
    b"/v1/authorize": ("authorize", msgspec.json.Decoder(Authorize)),
    b"/v1/capture": ("capture", msgspec.json.Decoder(Capture)),
    b"/v1/void": ("void", msgspec.json.Decoder(Void)),
    b"/v1/refund": ("refund", msgspec.json.Decoder(Refund)),
    b"/v1/cancel": ("cancel", msgspec.json.Decoder(Cancel)),
}


class Hold(msgspec.Struct):
    """While on, replies to operations are withheld, though what they say is durable."""

    on: bool


class Settings(msgspec.Struct):
    """How long a pending or provisional refund takes to become what it becomes."""

    refund_delay_ms: DelayMs


class Service:
    """Everything behind the socket."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        identity: Identity,
        refuse: Callable[[int], None],
        manner: Manner = HONOURS,
        notices: Notices | None = None,
    ) -> None:
        """``refuse`` stops listening for some milliseconds."""
        self._writer, self._reader, self._identity = writer, reader, identity
        self._refuse = refuse
        self._manner, self._notices = manner, notices
        self._loop = asyncio.get_running_loop()
        self._faults = Faults([], Random(0))
        self._reading = ThreadPoolExecutor(1, "read")
        self._is_holding = False
        self._held: list[tuple[Respond, Reply]] = []
        self._controls = {
            (b"POST", b"/control/faults"): self._add_fault,
            (b"GET", b"/control/faults"): self._list_faults,
            (b"DELETE", b"/control/faults"): self._clear_faults,
            (b"POST", b"/control/hold"): self._hold,
            (b"GET", b"/control/hold"): self._show_hold,
            (b"POST", b"/control/settings"): self._set,
            (b"POST", b"/control/notifications"): self._hold_notifications,
            (b"GET", b"/health"): self._health,
        }

    def handle(self, connection: Connection, method: bytes, url: bytes, body: bytes) -> None:
        """Handle one HTTP request."""
        try:
            post = _POSTS.get(url) if method == b"POST" else None
            if post is not None and (self._manner.cancels or post[0] != "cancel"):
                self._operate(connection, post[0], post[1].decode(body))
            else:
                self._route(connection, method, url, body)
        except (msgspec.MsgspecError, UnicodeError, ValueError) as error:
            connection.respond(rejected(400, "invalid_request", str(error)))

    def close(self) -> None:
        """Stop reading; held replies are never sent."""
        self._held.clear()
        self._reading.shutdown()
        self._reader.close()

    def _operate(self, connection: Connection, operation: str, request: Request) -> None:
        if self._faults.armed:
            rule = self._faults.draw(operation, request.reference)
            if rule is not None:
                self._fail(connection, rule, request)
                return
        self._writer.submit(request, self._gate(self._voice(connection.respond), request))

    def _voice(self, respond: Respond) -> Respond:
        """How answers are given: outright, or, where they come by notification, as `pending`."""
        if self._notices is None:
            return respond
        return lambda reply: self._defer(respond, reply)

    def _defer(self, respond: Respond, reply: Reply) -> None:
        assert self._notices is not None
        self._notices.tell()
        respond(_as_pending(reply) if reply.status == 200 else reply)

    def _gate(self, respond: Respond, request: Request) -> Respond:
        if not self._is_holding or isinstance(request, Inquire):
            return respond
        return lambda reply: self._withhold(respond, reply)

    def _withhold(self, respond: Respond, reply: Reply) -> None:
        if self._is_holding:
            self._held.append((respond, reply))
        else:
            respond(reply)

    def _fail(self, connection: Connection, rule: Rule, request: Request) -> None:
        """Apply a fault; see `faults.Kind` for what each does."""
        delay = rule.delay_ms / 1000
        match rule.fault:
            case "request_lost":
                connection.abort()
            case "error_before":
                connection.respond(_BROKEN)
            case "delay_before":
                respond = self._gate(self._voice(connection.respond), request)
                self._loop.call_later(delay, self._writer.submit, request, respond)
            case _:
                spoiled = self._spoil(connection, rule)
                self._writer.submit(request, self._gate(spoiled, request))

    def _spoil(self, connection: Connection, rule: Rule) -> Respond:
        """Make the response of an operation that is acted on and then answered badly."""
        respond = self._voice(connection.respond)
        spoilers: dict[str, Respond] = {
            "reply_lost": lambda _: self._lose(connection),
            "delay": lambda r: _ignore(self._loop.call_later(rule.delay_ms / 1000, respond, r)),
            "error_after": lambda _: respond(_BROKEN),
            "truncated": connection.truncate,
            "wrong_amount": lambda r: respond(_with_wrong_amount(r)),
            "duplicate_reply": lambda r: respond(_with(r, duplicate=True)),
        }
        return spoilers[rule.fault]

    def _lose(self, connection: Connection) -> None:
        if self._notices is not None:
            self._notices.tell()
        connection.abort()

    def _route(self, connection: Connection, method: bytes, url: bytes, body: bytes) -> None:
        path, _, query = url.partition(b"?")
        control = self._controls.get((method, path))
        if control is not None:
            connection.respond(control(body))
        elif method != b"GET":
            connection.respond(_no_such(path))
        elif path.startswith(b"/v1/operations/") and self._manner.answers_inquiries:
            reference = unquote(path.removeprefix(b"/v1/operations/").decode("ascii"))
            self._operate(connection, "inquire", msgspec.convert({"reference": reference}, Inquire))
        else:
            self._read(connection, path.decode("ascii"), parse_qs(query.decode("ascii")))

    def _read(self, connection: Connection, path: str, query: dict[str, list[str]]) -> None:
        if path == "/v1/book":
            after = int(query.get("after", ["0"])[0])
            limit = min(max(int(query.get("limit", [PAGE_DEFAULT])[0]), 1), PAGE_MAX)
            self._in_reader(connection, book_page, self._reader, self._identity, after, limit)
        elif path == "/v1/book/summary":
            self._in_reader(connection, summary, self._reader)
        elif path.startswith("/v1/settlement/"):
            day = date.fromisoformat(path.removeprefix("/v1/settlement/"))
            self._in_reader(connection, write_settlement, self._reader, self._identity, day)
        else:
            connection.respond(_no_such(path.encode()))

    def _in_reader(self, connection: Connection, work: Callable[..., Any], *given: Any) -> None:
        """Run slow reading beside the event loop, then answer."""
        future = self._reading.submit(work, *given)
        future.add_done_callback(
            lambda done: _ignore(self._loop.call_soon_threadsafe(_answer, connection, done))
        )

    def _add_fault(self, body: bytes) -> Reply:
        rule = msgspec.json.decode(body, type=Rule)
        if rule.fault == "refuse":
            self._loop.call_later(0.01, self._refuse, rule.delay_ms)
            return Reply(200, encode({"refusing_ms": rule.delay_ms}))
        return Reply(200, encode(self._faults.add(rule)))

    def _list_faults(self, _: bytes) -> Reply:
        return Reply(200, encode({"faults": self._faults.armed}))

    def _clear_faults(self, _: bytes) -> Reply:
        self._faults.clear()
        return _OK

    def _hold(self, body: bytes) -> Reply:
        self._is_holding = msgspec.json.decode(body, type=Hold).on
        released = 0
        if not self._is_holding:
            held, self._held = self._held, []
            released = len(held)
            for respond, reply in held:
                respond(reply)
        return Reply(200, encode({"on": self._is_holding, "released": released}))

    def _show_hold(self, _: bytes) -> Reply:
        return Reply(200, encode({"on": self._is_holding, "held": len(self._held)}))

    def _hold_notifications(self, body: bytes) -> Reply:
        on = msgspec.json.decode(body, type=Hold).on
        if self._notices is not None:
            self._notices.hold(on)
        return Reply(200, encode({"on": on}))

    def _set(self, body: bytes) -> Reply:
        settings = msgspec.json.decode(body, type=Settings)
        self._writer.book.refund_delay_ms = settings.refund_delay_ms
        return Reply(200, encode(settings))

    def _health(self, _: bytes) -> Reply:
        book = self._writer.book
        facts = {
            "status": "ok",
            "operations": book.last_seq,
            "batches": self._writer.batches,
            "manner": self._manner.name,
        }
        return Reply(200, encode(facts))


def _answer(connection: Connection, done: Future[Any]) -> None:
    failure = done.exception()
    if failure is not None:
        journal("read_failed", error=repr(failure))
        connection.respond(_BROKEN)
    elif isinstance(result := done.result(), Reply):
        connection.respond(result)
    else:
        file, length = result
        connection.respond_file(file, length, "text/csv")


def _no_such(path: bytes) -> Reply:
    return rejected(404, "no_such_path", f"There is nothing at {path.decode('ascii', 'replace')}.")


def _with(reply: Reply, **changes: object) -> Reply:
    return Reply(reply.status, encode(msgspec.json.decode(reply.body) | changes))


def _as_pending(reply: Reply) -> Reply:
    """Say that it was taken, and nothing of what became of it."""
    whole = msgspec.json.decode(reply.body)
    told = ("reference", "operation", "acquirer_reference", "amount", "currency", "created_ms")
    body = {name: whole[name] for name in told}
    return Reply(200, encode({"outcome": "pending", "state": "pending", **body}))


def _with_wrong_amount(reply: Reply) -> Reply:
    amount = msgspec.json.decode(reply.body).get("amount")
    return reply if amount is None else _with(reply, amount=amount + 1)


def _ignore(_: object) -> None:
    """Drop a handle, where a callback must return nothing."""
