"""Payments in three paragraphs: intend, call, settle. The same for the API and for the worker that finishes.

No transaction is open while the acquirer is called; each attempt is sent once, before its deadline, by whoever
holds its lease. What a crash leaves behind, `resolve` goes on with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from nostro.events.emit import Origin
from nostro.idempotency.commands import Guarded
from nostro.idempotency.model import Replayed, Request
from nostro.kernel.answer import Answer, Proceed, Refusal
from nostro.kernel.clock import DAY, SECOND, BusinessTime, SystemTime, start_of_day
from nostro.kernel.command import Command
from nostro.kernel.errors import CommitUnknown, NostroError, Unavailable
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import (
    Evidence,
    NotFound,
    NotSent,
    Operation,
    Outcome,
    Rejected,
    Unknown,
)
from nostro.kernel.ports import (
    Acquirer,
    CardDetails,
    Clock,
    Decider,
    Entropy,
    PaymentMessage,
    Reader,
)
from nostro.payment_methods.model import PaymentMethod
from nostro.payment_methods.store import QUERIES as METHOD_QUERIES
from nostro.payments.claim import ClaimAttempt, CountSend, IntendCancel
from nostro.payments.commands import (
    CancelIntent,
    CaptureIntent,
    Changes,
    ConfirmIntent,
    CreateIntent,
    Sender,
    Sending,
    UpdateIntent,
)
from nostro.payments.model import Attempt
from nostro.payments.settle import Settle, Settled
from nostro.payments.store import QUERIES
from nostro.vault.service import CardVault

Reply = Answer | Refusal | Replayed
_NO_LIVE_ACQUIRER = Refusal(
    400, "invalid_request_error",
    "No acquirer is configured for live mode, and the sandbox never serves it. Use a test key.",
    "testmode_charges_only", saved=False,
)  # fmt: skip
# A cancel by reference undoes these even after they were approved; of the others it only stops what never arrived.
_UNDONE_BY_CANCEL = (Operation.SALE, Operation.AUTHORIZE)
log = logging.getLogger(__name__)


class Timing(msgspec.Struct, frozen=True):
    """Deadlines of a call, in milliseconds of system time."""

    send_ms: int = 2 * SECOND  # a message not written by then is never written
    call_ms: int = 10 * SECOND  # an answer after that is no answer
    settle_ms: int = 10 * SECOND  # the lease goes on that long for settling
    retry_ms: int = 1 * SECOND  # an unknown outcome is first asked about after this
    retry_longest_ms: int = 60 * SECOND


class Merchant(msgspec.Struct, frozen=True):
    """For whom a payment is made: the book, the origin of the change, and the fee agreed."""

    book: int
    origin: Origin
    fee: FeeSchedule
    request: Request | None = None  # the idempotency key, if one was sent


class Payments:
    """The service of payments."""

    def __init__(
        self,
        decider: Callable[[int], Decider],
        reader: Reader,
        acquirers: dict[str, Acquirer],
        cards: CardVault,
        clock: Clock,
        entropy: Entropy,
        instance: str,
        timing: Timing | None = None,
        live: bool = False,
    ) -> None:
        self._decider, self._reader, self._acquirers = decider, reader, acquirers
        self._cards, self._clock, self._entropy = cards, clock, entropy
        self.instance, self.timing = instance, timing or Timing()
        self._live = live  # whether these acquirers may move real money

    # What merchants ask

    async def create(
        self, merchant: Merchant, changes: Changes, confirm: bool, card: CardDetails | None = None
    ) -> Reply:
        """Create an intent, and confirm it at once if asked. `card` is a number given in this very request."""
        sender = self._sender(merchant, card)
        command = CreateIntent(
            merchant.book, self._seed(), merchant.origin, changes, confirm, sender
        )
        return await self._run(merchant, command, card)

    async def update(
        self, merchant: Merchant, intent: str, changes: Changes, patch: dict[str, object]
    ) -> Reply:
        """Change an intent without sending anything."""
        command = UpdateIntent(merchant.book, self._seed(), merchant.origin, intent, changes, patch)
        return await self._run(merchant, command, None)

    async def confirm(
        self,
        merchant: Merchant,
        intent: str,
        changes: Changes,
        patch: dict[str, object],
        card: CardDetails | None = None,
    ) -> Reply:
        """Confirm an intent."""
        rows = await self._reader.fetch(
            QUERIES["find_intent_links"], merchant.book, merchant.origin.account, intent
        )
        command = ConfirmIntent(
            merchant.book, self._seed(), merchant.origin, intent, changes, patch,
            self._sender(merchant, card), rows[0][0] if rows else None,
        )  # fmt: skip
        return await self._run(merchant, command, card)

    async def capture(
        self, merchant: Merchant, intent: str, amount: int | None, patch: dict[str, object]
    ) -> Reply:
        """Capture what was authorized; `amount` None means all of it."""
        charge = await self._charge_of(merchant, intent)
        command = CaptureIntent(
            merchant.book, self._seed(), merchant.origin, intent, charge, amount,
            patch, self._sender(merchant, None),
        )  # fmt: skip
        return await self._run(merchant, command, None)

    async def cancel(self, merchant: Merchant, intent: str, reason: str | None) -> Reply:
        """Cancel an intent, voiding its authorization."""
        charge = await self._charge_of(merchant, intent)
        command = CancelIntent(
            merchant.book, self._seed(), merchant.origin, intent, charge, reason,
            self._sender(merchant, None),
        )  # fmt: skip
        return await self._run(merchant, command, None)

    # Intend, call, settle

    async def _run(
        self,
        merchant: Merchant,
        command: Command[Answer | Refusal | Proceed],
        card: CardDetails | None,
    ) -> Reply:
        if merchant.origin.live and not self._live:
            return _NO_LIVE_ACQUIRER
        answer = await self._intend(merchant, command)
        if not isinstance(answer, Proceed):
            return answer
        assert isinstance(answer, Sending)
        outcome = await self._call_first(merchant.book, answer, card)
        try:
            settled = await self.settle(merchant, answer.row, outcome)
        except Unavailable as unavailable:
            raise CommitUnknown("sent, and not settled yet: the worker will") from unavailable
        return settled.answer

    async def _intend(
        self, merchant: Merchant, command: Command[Answer | Refusal | Proceed]
    ) -> Reply | Proceed:
        decider = self._decider(merchant.book)
        if merchant.request is None:
            return await decider.run(command)
        return await decider.run(Guarded(command, merchant.request))

    async def _call_first(self, book: int, sending: Sending, card: CardDetails | None) -> Outcome:
        """The first send. A card that cannot be opened was provably not sent."""
        try:
            if card is None and sending.method is not None:
                card = await self._card_of(book, sending.method)
        except NostroError as error:
            log.exception("attempt %s cannot open its card", sending.attempt)
            return NotSent(type(error).__name__)
        return await self._call(book, sending.row, card)

    async def _call(self, book: int, attempt: Attempt, card: CardDetails | None) -> Outcome:
        acquirer = self._acquirers[attempt.acquirer]
        message = PaymentMessage(
            attempt.id, attempt.amount, attempt.currency, attempt.account, attempt.send_by,
            attempt.original, attempt.final,
        )  # fmt: skip
        match attempt.operation:
            case Operation.SALE:
                return await acquirer.sale(message, card or await self._card(book, attempt))
            case Operation.AUTHORIZE:
                return await acquirer.authorize(message, card or await self._card(book, attempt))
            case Operation.CAPTURE:
                return await acquirer.capture(message)
            case _:
                return await acquirer.void(message)

    async def settle(self, merchant: Merchant, attempt: Attempt, evidence: Evidence) -> Settled:
        """Make an outcome durable: state, ledger, events and the saved answer, once."""
        command = Settle(
            merchant.book, self._seed(), merchant.origin, attempt, evidence, merchant.fee,
            self._available_on(evidence), self._retry_at(attempt),
        )  # fmt: skip
        return await self._decider(merchant.book).run(command)

    # What the worker finishes

    async def resolve(self, merchant: Merchant, attempt_id: str) -> Settled | None:
        """Take over an attempt whose lease is over, and settle it by evidence alone (DESIGN §3.3)."""
        claim = ClaimAttempt(merchant.book, self._seed(), attempt_id, self.instance, self._lease())
        attempt = await self._decider(merchant.book).run(claim)
        if attempt is None:
            return None
        evidence = await self._evidence(merchant.book, attempt)
        return await self.settle(merchant, attempt, evidence)

    async def _evidence(self, book: int, attempt: Attempt) -> Evidence:
        """Inquire; where nothing is found, replay under the same reference or cancel by it."""
        acquirer = self._acquirers[attempt.acquirer]
        if attempt.cancelling:
            return await acquirer.cancel(attempt.id)
        found = await acquirer.inquire(attempt.id)
        if not isinstance(found, NotFound):
            return found
        if attempt.operation in _UNDONE_BY_CANCEL and not attempt.replayable:
            return await self._cancel(book, attempt)
        return await self._replay(book, attempt)

    async def _replay(self, book: int, attempt: Attempt) -> Evidence:
        count = CountSend(
            book, self._seed(), attempt, SystemTime(self._now() + self.timing.send_ms)
        )
        counted = await self._decider(book).run(count)
        if counted is None:
            return Unknown("another instance took over")
        outcome = await self._call(book, counted, None)
        if isinstance(outcome, Rejected):
            # A rejected repeat says nothing of the first send: make sure that it never counts.
            return await self._cancel(book, attempt)
        return outcome

    async def _cancel(self, book: int, attempt: Attempt) -> Evidence:
        if attempt.operation in _UNDONE_BY_CANCEL:
            intend = IntendCancel(book, self._seed(), attempt)
            if await self._decider(book).run(intend) is None:
                return Unknown("another instance took over")
        return await self._acquirers[attempt.acquirer].cancel(attempt.id)

    # Small parts

    async def _card_of(self, book: int, method: PaymentMethod) -> CardDetails:
        card = method.card
        return await self._cards.details(book, method.card_token, card.exp_month, card.exp_year)

    async def _card(self, book: int, attempt: Attempt) -> CardDetails:
        rows = await self._reader.fetch(
            METHOD_QUERIES["find_card_of_method"], book, attempt.payment_method
        )
        token, month, year = rows[0]
        return await self._cards.details(book, token, int(month), int(year))

    async def _charge_of(self, merchant: Merchant, intent: str) -> str | None:
        rows = await self._reader.fetch(
            QUERIES["find_intent_links"], merchant.book, merchant.origin.account, intent
        )
        return rows[0][1] if rows else None

    def _sender(self, merchant: Merchant, card: CardDetails | None) -> Sender:
        now = self._now()
        return Sender(
            self.instance, self._route(), SystemTime(now + self.timing.send_ms), self._lease(),
            merchant.request.id if merchant.request else None,
            replayable=card is None or card.cvc is None,
            cvc_tokens=self._cards.tokens_with_cvc(),
        )  # fmt: skip

    def _route(self) -> str:
        return next(iter(self._acquirers))

    def _now(self) -> SystemTime:
        return self._clock.system()

    def _lease(self) -> SystemTime:
        return SystemTime(self._now() + self.timing.call_ms + self.timing.settle_ms)

    def _retry_at(self, attempt: Attempt) -> SystemTime:
        """Back off with the attempt's age: nobody asks a silent acquirer ever faster."""
        age = max(0, self._now() - attempt.send_by)
        wait = min(self.timing.retry_longest_ms, max(self.timing.retry_ms, age // 2))
        return SystemTime(self._now() + wait)

    def _available_on(self, evidence: Evidence) -> BusinessTime:
        """Two days after today, at midnight UTC."""
        return BusinessTime(start_of_day(self._clock.business()) + 2 * DAY)

    def _seed(self) -> bytes:
        return self._entropy.bytes(16)
