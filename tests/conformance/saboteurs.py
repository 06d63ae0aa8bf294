"""Adapters to the sandbox that are wrong in one way each, and the scenarios that have to say so."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from nostro.acquirers.http import HttpClient, NoAnswer, _Exchange, always
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import (
    Declined,
    Evidence,
    Found,
    NotFound,
    NotSent,
    Outcome,
    Rejected,
    Undone,
    Unknown,
)
from nostro.kernel.ports import CardDetails, Clock, PaymentMessage

FAILS: dict[type[SandboxAcquirer], set[str]] = {}
InTime = Callable[[], bool]


def fails(*scenarios: str) -> Callable[[type[SandboxAcquirer]], type[SandboxAcquirer]]:
    """Note what a saboteur has to fail."""

    def note(saboteur: type[SandboxAcquirer]) -> type[SandboxAcquirer]:
        FAILS[saboteur] = set(scenarios)
        return saboteur

    return note


class Wired(SandboxAcquirer):
    """With another HTTP client, and a say in each outcome and in each exchange of bodies."""

    client: type[HttpClient] = HttpClient

    def __init__(self, base_url: str, clock: Clock, name: str = "sandbox", call_ms: int = 10_000):
        super().__init__(base_url, clock, name, call_ms)
        self._http = self.client(base_url, call_ms / 1_000)

    async def _send(self, path: str, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        outcome = await super()._send(path, message, self.altered(body))
        return self.judged(outcome, message, body)

    def altered(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request, as it is sent."""
        return body

    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        """The outcome, as it is told."""
        return outcome


class _Answers(HttpClient):
    """A client that misreads answers."""

    async def _ask(self, request: bytes, in_time: InTime) -> tuple[int, bytes]:
        status, body = await super()._ask(request, in_time)
        return self.misread(status, body)

    def misread(self, status: int, body: bytes) -> tuple[int, bytes]:
        return status, body


# The transport


class _Resends(HttpClient):
    async def _ask(self, request: bytes, in_time: InTime) -> tuple[int, bytes]:
        used = bool(self._idle)
        try:
            return await super()._ask(request, in_time)
        except NoAnswer as error:
            if not used or "in time" in str(error):
                raise
            return await super()._ask(request, in_time)


@fails(
    "a stale connection", "an inquiry finds what was done", "a replay after a lost reply", "the request is cut midway", "the reply is lost",
    "the connection is reset after the act", "the reply is cut in its head",
    "the reply is cut in its body", "the reply is cut before its last byte",
    "the reply in chunks is cut before its end", "half a reply ends with the connection",
    "an endless body", "an endless head", "a protocol that is not HTTP",
    "another protocol from here on",
)  # fmt: skip
class ResendsOnAnyDeadConnection(Wired):
    client = _Resends


class _ResendsStale(HttpClient):
    """As common clients do: a reset on a connection that was kept is taken for 'never arrived'."""

    async def _ask(self, request: bytes, in_time: InTime) -> tuple[int, bytes]:
        used, began = bool(self._idle), time.perf_counter()
        try:
            return await super()._ask(request, in_time)
        except NoAnswer as error:
            at_once = time.perf_counter() - began < 0.5
            if not (used and at_once and "reset by peer" in str(error)):
                raise
            return await super()._ask(request, in_time)


@fails("a stale connection", "the request is cut midway", "the connection is reset after the act")
class ResendsOnAStaleConnection(Wired):
    client = _ResendsStale


class _Patient(HttpClient):
    def __init__(self, base_url: str, call_seconds: float) -> None:
        super().__init__(base_url, 30.0)


@fails(
    "silence past the deadline", "a reply byte by byte", "the reply comes too late",
    "connecting takes for ever", "others go on meanwhile",
)  # fmt: skip
class HasNoDeadline(Wired):
    client = _Patient


class _KeepsAbandoned(HttpClient):
    async def _answer(self, exchange: _Exchange, request: bytes) -> tuple[int, bytes]:
        exchange.fail = lambda reason: None  # type: ignore[method-assign]
        return await exchange.ask(request)


class _Greedy(_Exchange):
    def on_body(self, body: bytes) -> None:
        self._body.append(body)


class _TakesAll(HttpClient):
    async def _open(self) -> _Exchange:
        exchange = await super()._open()
        exchange.__class__ = _Greedy
        return exchange


@fails("an endless body")
class TakesBodiesOfAnySize(Wired):
    client = _TakesAll


class _Gullible(HttpClient):
    def __init__(self, base_url: str, call_seconds: float) -> None:
        super().__init__(base_url, call_seconds)
        if self._tls is not None:
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE


@fails("an impostor's certificate")
class BelievesAnyCertificate(Wired):
    client = _Gullible


# Deadlines


class _NeverLate(HttpClient):
    async def post(self, path: bytes, body: bytes, in_time: InTime = always) -> tuple[int, bytes]:
        return await super().post(path, body)


@fails("send_by passes while connecting")
class ChecksSendByTooEarly(Wired):
    client = _NeverLate


@fails("send_by passes while connecting", "send_by is over")
class IgnoresSendBy(Wired):
    async def _send(self, path: str, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        never = SystemTime(message.send_by + 3_600_000)
        return await super()._send(path, msgspec.structs.replace(message, send_by=never), body)


# Outcomes


@fails("silence past the deadline", "a reply byte by byte", "the reply comes too late")
class TimeoutIsDeclined(Wired):
    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        timed_out = outcome == Unknown("no answer in time")
        return Declined("issuer_not_available") if timed_out else outcome


@fails("the connection is reset after the act", "a stale connection", "the request is cut midway")
class ResetIsNotSent(Wired):
    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        reset = isinstance(outcome, Unknown) and "reset by peer" in outcome.cause
        return NotSent(outcome.cause) if isinstance(outcome, Unknown) and reset else outcome


class _Decodes(_Answers):
    def misread(self, status: int, body: bytes) -> tuple[int, bytes]:
        body.decode()  # raises where it is no UTF-8
        return status, body


@fails("a garbled body")
class Raises(Wired):
    client = _Decodes


class _ReadsOn(_Answers):
    def misread(self, status: int, body: bytes) -> tuple[int, bytes]:
        if body.startswith(b'{"outcome":"approved"') and not body.endswith(b"}"):
            body = body[: body.rindex(b",")] + b"}"
            body = body.replace(b'"operation":', b'"amount":271828,"currency":"usd","was":')
        return status, body


@fails("half a reply that looks whole")
class TruncatedIsApproved(Wired):
    client = _ReadsOn


@fails(
    "502 Bad Gateway, as a page", "503 Service Unavailable, as a page",
    "an error 500 after the act", "an error 500 that shows the request",
    "an error 504 after the act",
)  # fmt: skip
class ServerErrorIsDeclined(Wired):
    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        failed = isinstance(outcome, Unknown) and "status 5" in outcome.cause
        return Declined("processing_error") if failed else outcome


@fails(
    "400 Bad Request, as a page", "403 Forbidden, as a page", "404 Not Found, as a page",
    "407 Proxy Authentication Required, as a page", "408 Request Timeout, as a page",
    "429 Too Many Requests, as a page",
)  # fmt: skip
class AnyClientErrorIsRejected(Wired):
    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        refused = isinstance(outcome, Unknown) and "status 4" in outcome.cause
        return Rejected("refused") if refused else outcome


class _Trusting(_Answers):
    """Takes whatever amount comes for the one that was asked."""

    async def post(self, path: bytes, body: bytes, in_time: InTime = always) -> tuple[int, bytes]:
        status, answer = await super().post(path, body, in_time)
        asked = msgspec.json.decode(body)
        try:
            told = msgspec.json.decode(answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return status, answer
        if isinstance(told, dict) and told.get("outcome") == "approved":
            told |= {key: asked[key] for key in ("amount", "currency") if key in asked}
        return status, msgspec.json.encode(told)


@fails("another amount", "another currency")
class EchoesWhatWasAsked(Wired):
    client = _Trusting


class _Relabels(_Answers):
    """Takes whatever answer comes for that to its own reference."""

    async def post(self, path: bytes, body: bytes, in_time: InTime = always) -> tuple[int, bytes]:
        status, answer = await super().post(path, body, in_time)
        return status, relabelled(answer, msgspec.json.decode(body)["reference"])


def relabelled(answer: bytes, reference: str) -> bytes:
    """An answer with another reference."""
    try:
        told = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer
    if isinstance(told, dict) and "reference" in told:
        told["reference"] = reference
    return msgspec.json.encode(told)


@fails("another request's reply", "the reply comes twice")
class BelievesAnyReply(Wired):
    client = _Relabels


class _Mixed(_Relabels, _KeepsAbandoned):
    pass


@fails("declined")
class KnowsOneReason(Wired):
    def judged(self, outcome: Outcome, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        return Declined("generic_decline") if isinstance(outcome, Declined) else outcome


# References and capabilities


@fails("the longest reference")
class ShortensReferences(Wired):
    async def _send(self, path: str, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        short = msgspec.structs.replace(message, reference=message.reference[:40])
        return await super()._send(path, short, body | {"reference": short.reference})


@fails("not found concludes nothing")
class NotFoundIsDeclined(Wired):
    async def inquire(self, reference: str) -> Found:
        found = await super().inquire(reference)
        return Declined("processing_error") if isinstance(found, NotFound) else found


@fails("another reference is not found", "another reference is undone")
class BelievesAnyInquiry(Wired):
    class client(HttpClient):
        async def get(self, path: bytes) -> tuple[int, bytes]:
            status, body = await super().get(path)
            asked = path.rpartition(b"/")[2].decode()
            return status, (relabelled(body, asked) if status == 404 else body)


@fails("a cancel leaves done what follows an authorization")
class AnyCancelUndoes(Wired):
    async def cancel(self, reference: str) -> Evidence:
        evidence = await super().cancel(reference)
        refused = evidence == Unknown("cancel answered 409, and not for this reference")
        return Undone("cancelled") if refused else evidence


@fails("the connection is refused", "connecting takes for ever")
class CancelIsNotSent(Wired):
    async def cancel(self, reference: str) -> Evidence:
        evidence = await super().cancel(reference)
        unsent = isinstance(evidence, Unknown) and any(
            word in evidence.cause for word in ("Refused", "TimeoutError")
        )
        return NotSent("never reached it") if unsent else evidence


@fails(
    "a cancel refuses the late original", "connecting takes for ever",
    "the connection is refused", "a TLS handshake that fails", "an impostor's certificate",
)  # fmt: skip
class CancelsNothingUnseen(Wired):
    """Leaves no tombstone for what it has not sent itself."""

    _sent: ClassVar[set[str]] = set()

    def altered(self, body: dict[str, Any]) -> dict[str, Any]:
        self._sent.add(body["reference"])
        return body

    async def cancel(self, reference: str) -> Evidence:
        if reference not in self._sent:
            return Undone("there is nothing to undo")
        return await super().cancel(reference)


@fails(
    "a replay is answered alike", "a replay after a lost reply", "a decline is declined again",
)  # fmt: skip
class DuplicateIsRejected(Wired):
    class client(_Answers):
        def misread(self, status: int, body: bytes) -> tuple[int, bytes]:
            if b'"duplicate":true' not in body:
                return status, body
            return 409, b'{"outcome":"rejected","error":"duplicate","not_processed":true}'


# Card numbers


class Leaky(Wired):
    """Remembers the card for its leak."""

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        outcome = await super().sale(message, card)
        if isinstance(outcome, Unknown):
            return self.leak(outcome, card.number.reveal())
        return outcome

    def leak(self, outcome: Unknown, number: str) -> Outcome:
        return outcome


@fails("no card number in outcomes")
class LeaksInACause(Leaky):
    def leak(self, outcome: Unknown, number: str) -> Outcome:
        return Unknown(f"no answer for card {number}")


@fails("no card number in logs")
class LeaksInTheLog(Leaky):
    def leak(self, outcome: Unknown, number: str) -> Outcome:
        logging.getLogger("connector").debug("no answer for %s", {"number": number})
        return outcome


@fails("no card number in print-outs")
class LeaksInAPrint(Leaky):
    def leak(self, outcome: Unknown, number: str) -> Outcome:
        print("no answer for", number)
        return outcome


@fails("no card number in errors", "a garbled body")
class LeaksInAnError(Leaky):
    client = _Decodes

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        try:
            return await super().sale(message, card)
        except UnicodeDecodeError as error:
            raise ValueError(f"unreadable answer for {card.number.reveal()}") from error


@fails("no card number in addresses and headers")
class LeaksInTheAddress(Wired):
    class client(HttpClient):
        async def post(
            self, path: bytes, body: bytes, in_time: InTime = always
        ) -> tuple[int, bytes]:
            number = msgspec.json.decode(body).get("card", {}).get("number", "")
            self._host_line = b"Host: x\r\nX-Trace: card=%b\r\n" % number.encode()
            return await super().post(path, body, in_time)


# These two do not fit the table: one shows only together with another mistake, one spoils its neighbours.


class MixesUpAnswers(Wired):
    """Keeps a connection whose answer nobody waited for, and believes whatever comes."""

    client = _Mixed


class Blocks(Wired):
    """Waits for its answer without letting anybody else run."""

    async def capture(self, message: PaymentMessage) -> Outcome:
        time.sleep(0.9)  # noqa: ASYNC251 - the mistake itself
        return await super().capture(message)
