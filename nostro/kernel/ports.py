"""What the rooms need from the world outside: clock, entropy, database, acquirer, outgoing HTTP.

Adapters implement these; no room knows an adapter, and a simulation replaces every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, LiteralString, Protocol, TypeVar

import msgspec

from nostro.kernel.capabilities import Capabilities
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Command
from nostro.kernel.outcome import Evidence, Found, Operation, Outcome
from nostro.kernel.secret import Cvc, Pan, Secret

A = TypeVar("A")


class Clock(Protocol):
    """Reads both kinds of time, and waits."""

    def business(self) -> BusinessTime: ...
    def system(self) -> SystemTime: ...
    async def sleep(self, milliseconds: int) -> None: ...


class Entropy(Protocol):
    """A source of unpredictable bytes."""

    def bytes(self, count: int) -> bytes: ...


class Decider(Protocol):
    """Runs a command in a batch of its book and returns its answer once that is durable.

    Raises Overloaded, DeadlineExceeded, DatabaseUnavailable (nothing happened) or CommitUnknown (ask again).
    """

    async def run(self, command: Command[A], deadline: SystemTime | None = None) -> A: ...


class Reader(Protocol):
    """Reads committed rows without locks."""

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...


class ReferenceStore(Reader, Protocol):
    """Reads and writes reference tables, which no committer's transaction ever writes."""

    async def write(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...
    async def announce(self, channel: LiteralString) -> None: ...


class CardDetails(msgspec.Struct, frozen=True):
    """What an acquirer needs of a card. Never stored, never printed."""

    number: Pan
    exp_month: int
    exp_year: int
    cvc: Cvc | None = None


class PaymentMessage(msgspec.Struct, frozen=True):
    """A money operation under our own reference. `send_by` is system time: never sent after it."""

    reference: str
    amount: int
    currency: str
    merchant: str
    send_by: SystemTime
    original: str | None = None  # the reference of the authorization, for capture, void and refund
    final: bool = True


class Acquirer(Protocol):
    """A processor. Each method sends at most once and never raises for what the network did."""

    name: str

    @property
    def capabilities(self) -> Capabilities: ...

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome: ...
    async def authorize(self, message: PaymentMessage, card: CardDetails) -> Outcome: ...
    async def capture(self, message: PaymentMessage) -> Outcome: ...
    async def void(self, message: PaymentMessage) -> Outcome: ...
    async def refund(self, message: PaymentMessage) -> Outcome: ...
    async def inquire(self, reference: str) -> Found: ...
    async def cancel(self, reference: str) -> Evidence: ...


class Claims(msgspec.Struct, frozen=True):
    """What an acquirer says that a message was, as far as it says: it has to be so before its word counts.

    `amount` is in minor units; `original` is the reference of what was captured, voided or refunded.
    """

    operation: Operation | None = None
    amount: int | None = None
    currency: str | None = None
    account: str | None = None
    original: str | None = None


class Notification(msgspec.Struct, frozen=True):
    """What an acquirer said unasked: its own id of that, our reference, what became of the message, and what it was."""

    id: str
    reference: str
    evidence: Evidence
    claims: Claims = Claims()


class Forged(Exception):
    """Not what the acquirer said, or not lately."""


class NotificationReader(Protocol):
    """Verifies and reads the notifications of one acquirer. Raises Forged."""

    def read(self, signature: str, body: bytes) -> Notification: ...


class ReportLine(msgspec.Struct, frozen=True):
    """What a settlement report says of one message: the number of the line, our reference, and what became of it."""

    number: int
    reference: str
    evidence: Evidence
    claims: Claims = Claims()


class Report(msgspec.Struct, frozen=True):
    """A settlement report that adds up: its own name, the day it is of (UTC), and its lines."""

    name: str
    day: date
    lines: tuple[ReportLine, ...]


class Misreported(Exception):
    """A report that is not whole, or does not add up: none of it is believed."""


class ReportSource(Protocol):
    """Where the settlement reports of one acquirer come from. Raises Misreported, or Unavailable if there is none now."""

    async def report(self, day: date) -> Report: ...


class HttpSender(Protocol):
    """Sends one POST to a merchant's URL and returns the status. Raises nothing but SendFailed."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int: ...


class SecretBox(Protocol):
    """Seals short texts under a key that is never in the database. What it is bound to must be the same to open it."""

    def seal(self, text: Secret, *bound: str) -> str: ...
    def open(self, sealed: str, *bound: str) -> Secret: ...


class SendFailed(Exception):
    """The request could not be delivered; the text says why."""


Rows = Sequence[tuple[Any, ...]]
