"""The inbox: verify, then take and settle at once. What it answers decides whether the acquirer sends it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from nostro.events.emit import Origin
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.command import Command
from nostro.kernel.ids import birth_book
from nostro.kernel.outcome import Pending, Unknown
from nostro.kernel.ports import Decider, Entropy, Forged, Notification, NotificationReader, Reader
from nostro.kernel.table import text_array
from nostro.merchants.service import Merchants
from nostro.notifications.commands import TakeNotification
from nostro.notifications.model import Note
from nostro.payments.model import Attempt
from nostro.payments.service import Merchant, Payments
from nostro.payments.settle import Settled
from nostro.payments.store import CHARGES
from nostro.refunds.messages import Message, table_of
from nostro.refunds.service import Refunds

BODY_BYTES_MAX = 65_536


class Received(StrEnum):
    """What the acquirer is told: well, never again, or once more."""

    WELL = "well"
    FORGED = "forged"
    NOBODY = "nobody"  # no acquirer of this name tells us anything
    AGAIN = "again"  # somebody else holds the message now


class Source(msgspec.Struct, frozen=True):
    """An acquirer that may tell us something."""

    reader: NotificationReader
    capabilities: Capabilities


class Inbox:
    """Takes notifications of acquirers."""

    def __init__(
        self,
        decider: Callable[[int], Decider],
        reader: Reader,
        sources: Mapping[str, Source],
        merchants: Merchants,
        payments: Payments,
        refunds: Refunds,
        entropy: Entropy,
    ) -> None:
        self._decider, self._reader, self._sources = decider, reader, sources
        self._merchants, self._payments, self._refunds = merchants, payments, refunds
        self._entropy = entropy

    @property
    def arriving_ms(self) -> int:
        """How long after its `send_by` a message may still arrive."""
        return self._payments.timing.arriving_ms

    async def receive(self, acquirer: str, signature: str, body: bytes) -> Received:
        """Take one. Raises Unavailable when it cannot be kept: the acquirer sends it again."""
        source = self._sources.get(acquirer)
        if source is None:
            return Received.NOBODY
        try:
            told = source.reader.read(signature, body)
        except Forged:
            return Received.FORGED
        can = source.capabilities
        evidence = can.notifies and not can.inquiry
        note = await self.take(acquirer, told, body, evidence)
        return Received.AGAIN if note is None else Received.WELL

    async def take(
        self,
        acquirer: str,
        told: Notification,
        body: bytes,
        evidence: bool,
        against: str | None = None,
    ) -> Note | None:
        """Take what is known to be the acquirer's word. `evidence`: it settles; else its message is asked about now.

        `against`: why it settles nothing, and a person has to look at it.
        None if somebody else holds the message: nothing was kept, tell it again.
        """
        modes = dict(await self._merchants.books())
        book = birth_book(told.reference)
        if (
            book is None or book not in modes
        ):  # whose it is nobody can know: the first book keeps it
            book = min(modes)
        message = await self._message(book, told.reference) if evidence else None
        settling = None
        if message is not None and _says_more(message, told):
            settling = await self._settling(book, modes[book], message, told)
        command = TakeNotification(
            book, self._seed(), acquirer, told, body.decode(), settling, against
        )
        return await self._decider(book).run(command)

    async def _message(self, book: int, reference: str) -> Message | None:
        table = table_of(reference)
        rows = await self._reader.fetch(table.read, book, text_array([reference]))
        return table.decode(rows[0]) if rows else None

    async def _settling(
        self, book: int, live: bool, message: Message, told: Notification
    ) -> Command[Settled]:
        account = await self._merchants.find(message.account)
        assert account is not None, "a message has its account"
        shown = message.key.partition("/")[2] if message.key else None
        origin = Origin(message.account, live, message.request_id, shown)
        merchant = Merchant(book, origin, account.fee)
        if isinstance(message, Attempt):
            return self._payments.settling(merchant, message, told.evidence)
        rows = await self._reader.fetch(CHARGES.read, book, text_array([message.charge]))
        charge = CHARGES.decode(rows[0])
        return self._refunds.settling(merchant, message, charge, told.evidence)

    def _seed(self) -> bytes:
        return self._entropy.bytes(16)


def _says_more(message: Message, told: Notification) -> bool:
    """That it is pending says of a payment that it arrived: the answer that may be on its way says more."""
    pending = isinstance(told.evidence, (Pending, Unknown))
    return not pending or not isinstance(message, Attempt)
