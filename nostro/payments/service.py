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
from nostro.kernel.capabilities import NOBODY, Capabilities
from nostro.kernel.clock import DAY, BusinessTime, SystemTime, start_of_day
from nostro.kernel.command import Command
from nostro.kernel.errors import CommitUnknown, NostroError, Unavailable
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import (
    Declined,
    Evidence,
    NotSent,
    Operation,
    Outcome,
    Rejected,
    Unknown,
    as_stated,
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
    facts_of,
)
from nostro.payments.ladder import NOTHING_LEAVES, Awaiting, Doubt, Ladder
from nostro.payments.model import Attempt
from nostro.payments.settle import Settle, Settled, Then
from nostro.payments.store import QUERIES
from nostro.payments.timing import Timing
from nostro.routing.failover import verdict
from nostro.routing.health import Health
from nostro.routing.model import Facts, Routes
from nostro.routing.route import after
from nostro.vault.service import CardVault

Reply = Answer | Refusal | Replayed
_NO_LIVE_ACQUIRER = Refusal(
    400, "invalid_request_error",
    "No acquirer is configured for live mode, and the sandbox never serves it. Use a test key.",
    "testmode_charges_only", saved=False,
)  # fmt: skip
# What carries a card, and may go to any acquirer; all else goes where its original went. A cancel by reference undoes
# these even after they were approved; of the others it only stops what never arrived.
_ROUTED = (Operation.SALE, Operation.AUTHORIZE)
log = logging.getLogger(__name__)


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
        routes: Routes | None = None,
    ) -> None:
        self._decider, self._reader, self._acquirers = decider, reader, acquirers
        self._cards, self._clock, self._entropy = cards, clock, entropy
        self.instance, self.timing = instance, timing or Timing()
        self._routes = routes or Routes(tuple(acquirers))
        self.health = Health(clock, self._routes.rules.breaker)
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
        try:
            return await self._send(merchant, answer, card)
        except Unavailable as unavailable:
            raise CommitUnknown("sent, and not settled yet: the worker will") from unavailable

    async def _send(self, merchant: Merchant, sending: Sending, card: CardDetails | None) -> Reply:
        """Send, and settle; then perhaps once more, to another acquirer, if it is certain that no money moved."""
        opened = await self._opened(merchant.book, sending, card)
        if isinstance(opened, NotSent):
            return (await self.settle(merchant, sending.row, opened)).answer
        attempt, tried = sending.row, [sending.row.acquirer]
        while True:
            outcome = await self._call_first(attempt, opened)
            then = await self._then(merchant, sending, outcome, tried, opened)
            settled = await self.settle(merchant, attempt, outcome, None, then)
            if settled.then is None:
                return settled.answer
            attempt = settled.then
            tried.append(attempt.acquirer)

    async def _then(
        self,
        merchant: Merchant,
        sending: Sending,
        outcome: Outcome,
        tried: list[str],
        card: CardDetails | None,
    ) -> Then | None:
        """Who may try next after an outcome of the first sale or authorization, if anybody."""
        method = sending.method
        if method is None or not isinstance(outcome, (NotSent, Rejected, Declined)):
            return None
        facts, operation = facts_of(sending.intent, method), sending.row.operation
        health = self.health.open_for(operation)
        acquirer = after(self._routes, facts, health, tuple(tried))
        if acquirer is None:
            return None
        declined = await self._declined_before(merchant.book, method, outcome, facts)
        found = verdict(self._routes.rules, outcome, facts.network, len(tried), declined)
        log.info("%s: %s after %s: %s", sending.intent.id, acquirer, tried[-1], found.why)
        return Then(acquirer, self._sender(merchant, card)) if found.allowed else None

    async def _declined_before(
        self, book: int, method: PaymentMethod, outcome: Outcome, facts: Facts
    ) -> int:
        """How often the card was declined for the amount in the days that its network counts."""
        rules = self._routes.rules
        if not isinstance(outcome, Declined) or outcome.reason not in rules.soft_declines:
            return 0
        since = self._clock.business() - rules.cap(facts.network).days * DAY
        rows = await self._reader.fetch(
            QUERIES["count_declined"], book, method.card.fingerprint, facts.amount, since
        )
        return int(rows[0][0])

    async def _intend(
        self, merchant: Merchant, command: Command[Answer | Refusal | Proceed]
    ) -> Reply | Proceed:
        decider = self._decider(merchant.book)
        if merchant.request is None:
            return await decider.run(command)
        return await decider.run(Guarded(command, merchant.request))

    async def _opened(
        self, book: int, sending: Sending, card: CardDetails | None
    ) -> CardDetails | NotSent | None:
        """The card to send, if one is sent. One that cannot be opened was provably not sent."""
        if card is not None or sending.method is None:
            return card
        try:
            return await self._card_of(book, sending.method)
        except NostroError as error:
            log.exception("attempt %s cannot open its card", sending.attempt)
            return NotSent(type(error).__name__)

    async def _call_first(self, attempt: Attempt, card: CardDetails | None) -> Outcome:
        """The first send. A payment is not sent where the circuit is open; what has nowhere else to go always is."""
        routed = attempt.operation in _ROUTED
        may = self.health.begin(attempt.acquirer, attempt.operation)
        if routed and not may:
            return NotSent(f"the circuit of {attempt.acquirer} is open")
        if self._now() > attempt.send_by:  # our own delay says nothing of the acquirer
            return await self._call(attempt, card)
        outcome = await self._call(attempt, card)
        self.health.end(attempt.acquirer, attempt.operation, outcome)
        return outcome

    async def _call(self, attempt: Attempt, card: CardDetails | None) -> Outcome:
        acquirer = self._acquirers.get(attempt.acquirer)
        if acquirer is None:
            return NotSent(f"settings name no acquirer {attempt.acquirer}")
        message = PaymentMessage(
            attempt.id, attempt.amount, attempt.currency, attempt.account, attempt.send_by,
            attempt.original, attempt.final,
        )  # fmt: skip
        match attempt.operation:
            case Operation.SALE | Operation.AUTHORIZE:
                assert card is not None, "a payment has its card"
                sale = attempt.operation is Operation.SALE
                return await (acquirer.sale if sale else acquirer.authorize)(message, card)
            case Operation.CAPTURE:
                return await acquirer.capture(message)
            case _:
                return await acquirer.void(message)

    async def settle(
        self,
        merchant: Merchant,
        attempt: Attempt,
        evidence: Evidence,
        awaiting: Awaiting | None = None,
        then: Then | None = None,
    ) -> Settled:
        """Make an outcome durable: state, ledger, events and the saved answer, once."""
        command = self.settling(merchant, attempt, evidence, awaiting, then)
        return await self._decider(merchant.book).run(command)

    def settling(
        self,
        merchant: Merchant,
        attempt: Attempt,
        evidence: Evidence,
        awaiting: Awaiting | None = None,
        then: Then | None = None,
        *,
        by_people: bool = False,
    ) -> Settle:
        """The command that settles an attempt by evidence."""
        evidence = as_stated(evidence)
        waits = self._ladder(attempt).queue
        return Settle(
            merchant.book, self._seed(), merchant.origin, attempt, evidence, merchant.fee,
            self._available_on(evidence), self._retry_at(attempt, waits is not None),
            waits or awaiting, then, by_people,
        )  # fmt: skip

    # What the worker finishes

    async def resolve(self, merchant: Merchant, attempt_id: str) -> Settled | None:
        """Take over an attempt whose lease is over, and settle it by evidence alone (DESIGN §3.3)."""
        claim = ClaimAttempt(merchant.book, self._seed(), attempt_id, self.instance, self._lease())
        attempt = await self._decider(merchant.book).run(claim)
        if attempt is None:
            return None
        reached = await self._ladder(attempt).climb(
            lambda: self._acquirers[attempt.acquirer].inquire(attempt.id),
            lambda: self._repeat(merchant.book, attempt),
            lambda: self._cancel(merchant.book, attempt),
        )
        return await self.settle(merchant, attempt, reached.evidence, reached.awaiting)

    async def _repeat(self, book: int, attempt: Attempt) -> Evidence | None:
        """Once more under the same reference; None if nothing may leave of it by now.

        Without its card nothing leaves: what is left is to cancel the first.
        """
        try:
            card = await self._card(book, attempt) if attempt.operation in _ROUTED else None
        except Unavailable:
            raise
        except NostroError as error:
            log.exception("attempt %s cannot open its card", attempt.id)
            return Rejected(type(error).__name__)
        count = CountSend(book, self._seed(), attempt, self._ladder(attempt).repeat_by())
        counted = await self._decider(book).run(count)
        return None if counted is None else await self._call(counted, card)

    def _ladder(self, attempt: Attempt) -> Ladder:
        return Ladder(self._can(attempt), _doubt(attempt), self._clock, self.timing)

    def _can(self, attempt: Attempt) -> Capabilities:
        found = self._acquirers.get(attempt.acquirer)
        return found.capabilities if found else NOBODY

    async def _cancel(self, book: int, attempt: Attempt) -> Evidence:
        if attempt.operation in _ROUTED and not attempt.cancelling:
            intend = IntendCancel(book, self._seed(), attempt)
            if await self._decider(book).run(intend) is None:
                return Unknown(NOTHING_LEAVES)
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
            self.instance, self._routes, SystemTime(now + self.timing.send_ms), self._lease(),
            merchant.request.id if merchant.request else None,
            replayable=card is None or card.cvc is None,
            cvc_tokens=self._cards.tokens_with_cvc(),
            health={operation: self.health.open_for(operation) for operation in _ROUTED},
        )  # fmt: skip

    def _now(self) -> SystemTime:
        return self._clock.system()

    def _lease(self) -> SystemTime:
        return SystemTime(self._now() + self.timing.call_ms + self.timing.settle_ms)

    def _retry_at(self, attempt: Attempt, waits: bool) -> SystemTime:
        """Back off with the attempt's age: nobody asks a silent acquirer ever faster."""
        if waits:
            return SystemTime(self._now() + self.timing.waiting_ms)
        age = max(0, self._now() - attempt.first_sent)
        wait = min(self.timing.retry_longest_ms, max(self.timing.retry_ms, age // 2))
        return SystemTime(self._now() + wait)

    def _available_on(self, evidence: Evidence) -> BusinessTime:
        """Two days after today, at midnight UTC."""
        return BusinessTime(start_of_day(self._clock.business()) + 2 * DAY)

    def _seed(self) -> bytes:
        return self._entropy.bytes(16)


def _doubt(attempt: Attempt) -> Doubt:
    """A code that came with the card may be sent once only. What waits in a queue is too old, whatever a clock says now.

    Of a reference under which its acquirer did what cannot be believed, nothing leaves any more: it is only asked about.
    """
    had_card, believed = attempt.operation in _ROUTED, not attempt.contradicted
    may_repeat = believed and (attempt.replayable or not had_card)
    return Doubt(
        attempt.id, attempt.first_sent, may_repeat, believed, attempt.cancelling,
        age_known=attempt.age_known and attempt.awaiting is None,
    )  # fmt: skip
