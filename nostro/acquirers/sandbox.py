"""The adapter to the sandbox acquirer: JSON over HTTP, one send per call, an Outcome for whatever happens.

The one rule: once the request may have been written, anything but a definitive answer is `Unknown`.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import msgspec

from nostro.acquirers.http import CONNECTIONS_MAX, HttpClient, NeverWritten, NoAnswer
from nostro.acquirers.scope import Scope
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.outcome import (
    Approved,
    Declined,
    Evidence,
    Found,
    NotFound,
    NotSent,
    Outcome,
    Pending,
    Rejected,
    Undone,
    Unknown,
)
from nostro.kernel.ports import CardDetails, Clock, PaymentMessage

if TYPE_CHECKING:
    from nostro.acquirers.sandbox_subject import SandboxSubject

HONOURS = Capabilities()
_CHECKS = ("cvc_check", "address_line1_check", "address_postal_code_check")


class _Answer(msgspec.Struct, frozen=True):
    """An answer of the sandbox, as far as it concerns us."""

    outcome: str
    reference: str = ""
    state: str = ""
    acquirer_reference: str = ""
    amount: int = -1
    currency: str = ""
    authorization_code: str | None = None
    network_reference: str | None = None
    response_code: str | None = None
    decline_code: str = "generic_decline"
    failure_reason: str = "unknown"
    cvc_check: str | None = None
    address_line1_check: str | None = None
    address_postal_code_check: str | None = None
    poll_after_ms: int | None = None
    provisional: bool = False
    cancelled: bool = False
    error: str = ""
    message: str = ""
    not_processed: bool = False
    tombstone: bool = False


_decode = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class SandboxAcquirer:
    """Talks to one sandbox at `base_url`. `call_ms` bounds every call."""

    scope = Scope(
        captures=True, partial_captures=True, refunds=True, partial_refunds=True,
        reference_length=64, reference_alphabet=string.ascii_letters + string.digits + "_.:-",
    )  # fmt: skip

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        name: str = "sandbox",
        call_ms: int = 10_000,
        capabilities: Capabilities = HONOURS,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self.name, self.capabilities = name, capabilities
        self._clock = clock
        self._http = HttpClient(base_url, call_ms / 1_000, connections_max)

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        """Authorize and capture in one message."""
        return await self._send("authorize", message, _authorization(message, card, True))

    async def authorize(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        """Reserve the amount on the card."""
        return await self._send("authorize", message, _authorization(message, card, False))

    async def capture(self, message: PaymentMessage) -> Outcome:
        """Take a reserved amount, or a part."""
        body = {**_operation(message), "amount": message.amount, "currency": message.currency}
        return await self._send("capture", message, {**body, "final": message.final})

    async def void(self, message: PaymentMessage) -> Outcome:
        """Release a reservation."""
        return await self._send("void", message, _operation(message))

    async def refund(self, message: PaymentMessage) -> Outcome:
        """Give money back."""
        body = {**_operation(message), "amount": message.amount, "currency": message.currency}
        return await self._send("refund", message, body)

    async def inquire(self, reference: str) -> Found:
        """What became of our reference."""
        try:
            status, body = await self._http.get(b"/v1/operations/" + reference.encode())
        except (NeverWritten, NoAnswer) as error:
            return Unknown(f"inquiry: {error}")
        return found(status, body, reference)

    async def cancel(self, reference: str) -> Evidence:
        """Undo by our reference; an unknown one is refused for ever by a tombstone."""
        try:
            status, body = await self._http.post(b"/v1/cancel", _encode({"reference": reference}))
        except (NeverWritten, NoAnswer) as error:
            return Unknown(f"cancel: {error}")
        answer = _parsed(body)
        if answer is None or answer.reference != reference:
            return Unknown(f"cancel answered {status}, and not for this reference")
        if status == 200 and answer.cancelled:
            return Undone("cancelled by reference")
        return Unknown(f"cancel answered {status}")

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    async def _send(self, path: str, message: PaymentMessage, body: dict[str, Any]) -> Outcome:
        def in_time() -> bool:
            return self._clock.system() <= message.send_by

        if not in_time():  # no connection is opened for it
            return NotSent("the time to send it was over")
        try:
            status, answer = await self._http.post(b"/v1/" + path.encode(), _encode(body), in_time)
        except NeverWritten as error:
            return NotSent(str(error))
        except NoAnswer as error:
            return Unknown(str(error))
        return _outcome(status, answer, message)


def conformance() -> SandboxSubject:
    """What `nostro conformance nostro.acquirers.sandbox` examines."""
    from nostro.acquirers.sandbox_subject import SandboxSubject

    return SandboxSubject()


def _operation(message: PaymentMessage) -> dict[str, Any]:
    return {
        "reference": message.reference,
        "original": message.original,
        "send_by": message.send_by,
    }


def _authorization(message: PaymentMessage, card: CardDetails, capture: bool) -> dict[str, Any]:
    number: dict[str, Any] = {
        "number": card.number.reveal(),
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
    }
    if card.cvc is not None:
        number["cvc"] = card.cvc.reveal()
    return {
        "reference": message.reference,
        "amount": message.amount,
        "currency": message.currency,
        "card": number,
        "capture": capture,
        "merchant": message.merchant,
        "send_by": message.send_by,
    }


def _parsed(body: bytes) -> _Answer | None:
    if b"\\u0000" in body:  # no honest answer has it, and PostgreSQL could not keep it
        return None
    try:
        return _decode(body)
    except msgspec.MsgspecError:
        return None


def _outcome(status: int, body: bytes, message: PaymentMessage) -> Outcome:
    answer = _parsed(body)
    if answer is None or status >= 500:
        return Unknown(f"answered {status}" if answer else f"unreadable answer, status {status}")
    if 400 <= status < 500 and answer.outcome == "rejected" and answer.not_processed:
        return Rejected(answer.error, answer.message)
    if status != 200 or answer.reference != message.reference:
        return Unknown(f"answered {status} for {answer.reference!r}")
    return _definitive(answer)


def _definitive(answer: _Answer) -> Approved | Pending | Declined | Unknown:
    """What it came to by now: a refund that was approved may have failed since, and a repeat is answered so too."""
    if answer.state == "failed":
        return Declined(answer.failure_reason, None, answer.acquirer_reference)
    match answer.outcome:
        case "approved":
            return Approved(
                answer.acquirer_reference, answer.amount, answer.currency,
                answer.authorization_code, answer.network_reference, _checks(answer),
                answer.poll_after_ms if answer.provisional else None,
            )  # fmt: skip
        case "declined":
            return Declined(
                answer.decline_code, answer.response_code, answer.acquirer_reference,
                _checks(answer),
            )  # fmt: skip
        case "pending":
            return Pending(answer.acquirer_reference, answer.poll_after_ms or 1_000)
        case other:
            return Unknown(f"outcome {other!r}")


def found(status: int, body: bytes, reference: str) -> Found:
    """What an answer to an inquiry says; a notification says the same."""
    answer = _parsed(body)
    if answer is None or answer.reference != reference:
        return Unknown(f"inquiry answered {status}, and not for this reference")
    if status == 404 and answer.outcome == "not_found":
        return Undone("refused for ever") if answer.tombstone else NotFound()
    if status != 200:
        return Unknown(f"inquiry answered {status}")
    if answer.state == "cancelled":
        return Undone("found cancelled")
    return _definitive(answer)


def _checks(answer: _Answer) -> dict[str, str]:
    return {name: value for name in _CHECKS if (value := getattr(answer, name)) is not None}
