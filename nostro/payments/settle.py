"""What an outcome does to a payment: state, ledger, events and the saved answer, in one decision.

Settling is conditional on the attempt's state and epoch. A second settle finds it settled and changes nothing.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.balances.commands import add_to_day
from nostro.balances.model import BalanceTransaction, day_id
from nostro.balances.store import DAYS, TRANSACTIONS
from nostro.events.emit import Origin, emit
from nostro.idempotency.commands import answered, handed_on, told
from nostro.idempotency.store import KEYS
from nostro.kernel.answer import Answer, Refusal, snapshot
from nostro.kernel.clock import DAY, BusinessTime, SystemTime
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import (
    Approved,
    Declined,
    Evidence,
    NotSent,
    Operation,
    Rejected,
    Undone,
    Unknown,
)
from nostro.kernel.posting import Kind, Transfer
from nostro.kernel.table import Table
from nostro.payment_methods.model import Checks, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.payments import postings
from nostro.payments.commands import Sender, next_try
from nostro.payments.contradiction import (
    BY_PEOPLE,
    another_amount,
    contradiction,
    for_people,
    learned,
    note,
)
from nostro.payments.declines import network_words, payment_error
from nostro.payments.machine import ATTEMPT, INTENT, LIVE, AttemptEvent, AttemptState, IntentEvent
from nostro.payments.model import Attempt, Charge, Intent
from nostro.payments.store import ATTEMPTS, CHARGES, INTENTS

AUTHORIZATION_DAYS = 7
log = logging.getLogger(__name__)


class Settled(msgspec.Struct, frozen=True):
    """What the caller is told, and whether this settle was the one that counted. `then` is the next try, to be sent."""

    answer: Answer | Refusal
    applied: bool
    then: Attempt | None = None


class Then(msgspec.Struct, frozen=True):
    """Another acquirer to try if it was not paid, and who sends to it."""

    acquirer: str
    sender: Sender


class Settle(msgspec.Struct, frozen=True):
    """Settle an attempt by evidence. `retry_at` (system time) is when an unknown outcome is asked about."""

    book: int
    seed: bytes
    origin: Origin
    attempt: Attempt
    evidence: Evidence
    fee: FeeSchedule
    available_on: BusinessTime
    retry_at: SystemTime
    awaiting: str | None = None  # the queue it waits in, if it stays unknown
    then: Then | None = None  # only for what was sent just now, and certainly moved no money
    by_people: bool = False  # two of them concluded it

    def reads(self) -> Reads:
        """The attempt and everything its outcome may change."""
        attempt = self.attempt
        rows: list[tuple[Table[Any], str]] = [
            (ATTEMPTS, attempt.id),
            (INTENTS, attempt.intent),
            (METHODS, attempt.payment_method),
            (DAYS, day_id(attempt.account, attempt.currency, self.available_on)),
        ]
        if attempt.operation in (Operation.CAPTURE, Operation.VOID):
            rows.append((CHARGES, attempt.charge))
        if attempt.key:
            rows.append((KEYS, attempt.key))
        return Reads(rows, self._accounts(), self._holds())

    def _accounts(self) -> tuple[str, ...]:
        attempt = self.attempt
        return postings.accounts_of(attempt.account, attempt.acquirer, attempt.currency)

    def _holds(self) -> tuple[str, ...]:
        return tuple(hold for hold in (self.attempt.doubt_hold, self.attempt.hold) if hold)

    def decide(self, view: View) -> Decision[Settled]:
        """Apply the evidence once."""
        attempt = view.get(ATTEMPTS, self.attempt.id)
        intent = view.get(INTENTS, self.attempt.intent)
        assert attempt is not None and intent is not None, "an attempt never loses its rows"
        if not self._is_as_read(attempt):
            still_sent = attempt.state is AttemptState.SENDING
            answer, rows = told(view, attempt.key, Answer(snapshot(intent)), still_sent)
            settled = Settled(answer, applied=False)
            return Decision(settled, rows, notes=_too_late(attempt, self.evidence))
        work = _Work(view, self, attempt, intent)
        work.settle(_conclusive(attempt, self.evidence, self.by_people))
        settled = Settled(work.answer, True, work.then)
        return Decision(settled, work.rows, work.transfers, notes=_doubted(attempt, self.evidence))

    def _is_as_read(self, attempt: Attempt) -> bool:
        """Live, in the same hands, and in doubt as it was: the hold that ends a doubt was read with it."""
        same = (attempt.epoch, attempt.doubt_hold) == (self.attempt.epoch, self.attempt.doubt_hold)
        return attempt.state in LIVE and same


def _too_late(attempt: Attempt, evidence: Evidence) -> tuple[Note, ...]:
    """Late evidence changes nothing. That a person is told if it contradicts how the attempt ended, is all it does.

    What was cancelled by its reference was approved before, as may be.
    """
    done = attempt.state is AttemptState.APPROVED
    over = attempt.state not in LIVE and (done or not attempt.cancelling)
    why = contradiction(done, learned(attempt.evidence), evidence) if over else None
    if why is None:
        log.warning("attempt %s is another's by now; late evidence changes nothing", attempt.id)
        return ()
    log.error("attempt %s is %s, and too late it is said: %s", attempt.id, attempt.state, why)
    return (note(attempt.id, attempt.state, why),)


def _another_amount(attempt: Attempt, evidence: Evidence) -> str | None:
    """What was approved instead of what was asked for. A void's amount is its original's."""
    if not isinstance(evidence, Approved) or attempt.operation is Operation.VOID:
        return None
    return another_amount(evidence, attempt.amount, attempt.currency)


def _doubted(attempt: Attempt, evidence: Evidence) -> tuple[Note, ...]:
    """The record of an answer that cannot be believed. From then on people alone conclude that nothing was done."""
    why = _another_amount(attempt, evidence)
    if why is None or attempt.contradicted:
        return ()
    log.error("attempt %s: %s", attempt.id, why)
    return (note(attempt.id, attempt.state, why),)


def _conclusive(attempt: Attempt, evidence: Evidence, by_people: bool) -> Evidence:
    """Evidence as far as it concludes: anything doubtful is Unknown (DESIGN §3.3)."""
    if for_people(attempt.contradicted, evidence, by_people):
        return Unknown(BY_PEOPLE)
    instead = _another_amount(attempt, evidence)
    if instead is not None:
        return Unknown(instead)
    if isinstance(evidence, Approved):
        if attempt.cancelling:
            return Unknown("approved, and a cancel that is on its way may still undo it")
        return evidence
    if isinstance(evidence, (Rejected, NotSent)):
        only_send = attempt.sends == 1 and attempt.state == LIVE[0]
        return evidence if only_send else Unknown("a rejected repeat concludes nothing")
    if isinstance(evidence, (Declined, Undone)):
        return evidence
    return evidence if isinstance(evidence, Unknown) else Unknown(type(evidence).__name__)


class _Work:
    """The rows, transfers and answer of one settle while they are put together."""

    def __init__(self, view: View, command: Settle, attempt: Attempt, intent: Intent) -> None:
        self.view, self.command, self.attempt, self.intent = view, command, attempt, intent
        self.mint = view.mint
        self.rows: list[tuple[Table[Any], Any]] = []
        self.transfers: list[Transfer] = []
        self.answer: Answer | Refusal
        self.then: Attempt | None = None

    def settle(self, evidence: Evidence) -> None:
        """Dispatch on what is known."""
        if isinstance(evidence, Unknown):
            self._unknown(evidence)
        elif isinstance(evidence, Approved):
            self._approved(evidence)
        elif self.attempt.operation in (Operation.SALE, Operation.AUTHORIZE):
            self._not_paid(evidence)
        else:
            self._kept(evidence)
        if self.then is None:
            self.rows += answered(self.view, self.attempt.key, self.answer)
        else:
            self.rows += handed_on(self.view, self.attempt.key, self.then.id)

    # What is not known yet

    def _unknown(self, evidence: Unknown) -> None:
        doubt = self.attempt.doubt_hold
        if doubt is None and self.attempt.operation in (Operation.SALE, Operation.CAPTURE):
            transfer = postings.doubt(self.mint, self.attempt)
            self.transfers.append(transfer)
            doubt = transfer.id
            self._emit("payment_intent.processing", self.intent)
        attempt = replace(
            self.attempt,
            state=ATTEMPT.step(self.attempt.state, AttemptEvent.LOST),
            lease_until=self.command.retry_at,
            doubt_hold=doubt,
            evidence=_text(evidence),
            awaiting=self.command.awaiting or self.attempt.awaiting,
            contradicted=self.attempt.contradicted
            or _another_amount(self.attempt, self.command.evidence) is not None,
        )
        self.rows.append((ATTEMPTS, attempt))
        self.answer = Answer(snapshot(self.intent))

    # Approved

    def _approved(self, evidence: Approved) -> None:
        self._conclude(AttemptEvent.APPROVED, evidence)
        match self.attempt.operation:
            case Operation.SALE:
                self._sold(evidence)
            case Operation.AUTHORIZE:
                self._authorized(evidence)
            case Operation.CAPTURE:
                self._captured()
            case _:
                self._voided()

    def _sold(self, evidence: Approved) -> None:
        self.transfers += postings.sale(self.mint, self.attempt)
        transaction = self._credit(self.attempt.amount, self._fee(self.attempt.amount))
        charge = replace(
            self._charge("succeeded", evidence.checks, evidence),
            captured=True,
            amount_captured=self.attempt.amount,
            balance_transaction=transaction.id,
            available_on=transaction.available_on,
        )
        self._keep_charge(charge, "charge.succeeded")
        self._move(
            IntentEvent.SOLD,
            "payment_intent.succeeded",
            latest_charge=charge.id,
            amount_received=self.attempt.amount,
        )

    def _authorized(self, evidence: Approved) -> None:
        hold = postings.authorization(self.mint, self.attempt)
        self.transfers.append(hold)
        until = BusinessTime(self.view.now + AUTHORIZATION_DAYS * DAY)
        charge = self._charge("succeeded", evidence.checks, evidence)
        charge = replace(charge, hold=hold.id, capture_before=until)
        self._keep_charge(charge, "charge.succeeded")
        self._move(
            IntentEvent.AUTHORIZED,
            "payment_intent.amount_capturable_updated",
            latest_charge=charge.id,
            amount_capturable=self.attempt.amount,
        )

    def _captured(self) -> None:
        charge = self._existing_charge()
        captured = self.attempt.amount
        self.transfers += postings.doubt_ended(self.mint, self.attempt)
        self.transfers += postings.capture(self.mint, charge, self.attempt)
        transaction = self._credit(charge.amount, self._fee(captured))
        rest = charge.amount - captured
        if rest:
            self._credit(-rest, 0, "adjustment", "partial_capture_reversal")
        charge = replace(
            charge,
            captured=True,
            amount_captured=captured,
            balance_transaction=transaction.id,
            available_on=transaction.available_on,
        )
        self._keep_charge(charge, "charge.captured")
        self._move(
            IntentEvent.CAPTURED,
            "payment_intent.succeeded",
            amount_capturable=0,
            amount_received=captured,
        )

    def _voided(self) -> None:
        charge = self._existing_charge()
        self.transfers.append(postings.release(self.mint, charge, Kind.VOID))
        self._keep_charge(replace(charge, released=True), "charge.refunded")
        self._move(
            IntentEvent.VOIDED,
            "payment_intent.canceled",
            amount_capturable=0,
            canceled_ms=self.view.now,
            cancellation_reason=self.attempt.reason,
        )

    # Not done

    def _not_paid(self, evidence: Evidence) -> None:
        self._conclude(_EVENTS[type(evidence)], evidence)
        self.transfers += postings.doubt_ended(self.mint, self.attempt)
        outcome = evidence if isinstance(evidence, (Declined, Rejected, NotSent)) else None
        error = payment_error(outcome, self.attempt.charge)
        method = self._method()
        charge = self._failed_charge(evidence, error.code, error.message)
        self._keep_charge(charge, "charge.failed")
        if self._may_go_on():
            self._try_next()
            return
        error = replace(error, payment_method=method)
        self._move(
            IntentEvent.NOT_PAID,
            "payment_intent.payment_failed",
            latest_charge=charge.id,
            payment_method=None,
            last_error=error,
        )
        self.answer = Refusal(
            402, "card_error", error.message, error.code, None, error.decline_code, charge.id,
            snapshot(self.intent), snapshot(method),
        )  # fmt: skip

    def _may_go_on(self) -> bool:
        """A try that was ever unknown has answered its key, and nothing follows it."""
        return self.command.then is not None and self.attempt.state is AttemptState.SENDING

    def _try_next(self) -> None:
        """The intent stays processing: in one transaction this try is concluded and the next is intended."""
        then = self.command.then
        assert then is not None
        self.then = next_try(self.view, self.attempt, then.sender, then.acquirer)
        self.rows.append((ATTEMPTS, self.then))
        self.answer = Answer(snapshot(self.intent))

    def _kept(self, evidence: Evidence) -> None:
        """A capture or void that was refused: the authorization stands as before."""
        self._conclude(_EVENTS[type(evidence)], evidence)
        self.transfers += postings.doubt_ended(self.mint, self.attempt)
        self._move(IntentEvent.KEPT, None)
        words = network_words(evidence) if not isinstance(evidence, Undone) else evidence.cause
        self.answer = Refusal(
            402, "card_error", f"The acquirer refused this {self.attempt.operation}: {words}.",
            "processing_error", None, None, self.attempt.charge, snapshot(self.intent),
        )  # fmt: skip

    # Parts

    def _conclude(self, event: AttemptEvent, evidence: Evidence) -> None:
        state = ATTEMPT.step(self.attempt.state, event)
        concluded = replace(self.attempt, state=state, evidence=_text(evidence), awaiting=None)
        self.rows.append((ATTEMPTS, concluded))

    def _move(self, event: IntentEvent, name: str | None, **fields: Any) -> None:
        status = INTENT.step(self.intent.status, event)
        self.intent = replace(self.intent, status=status, **fields)
        self.rows.append((INTENTS, self.intent))
        shown = snapshot(self.intent)
        if name is not None:
            self.rows.append(emit(self.view, self.command.origin, name, shown))
        self.answer = Answer(shown)

    def _keep_charge(self, charge: Charge, event: str) -> None:
        self.rows.append((CHARGES, charge))
        self._emit(event, charge)

    def _emit(self, name: str, row: msgspec.Struct) -> None:
        self.rows.append(emit(self.view, self.command.origin, name, snapshot(row)))

    def _fee(self, amount: int) -> int:
        fee = self.command.fee.fee(amount)
        self.transfers += postings.fee(self.mint, self.attempt, fee)
        return fee

    def _credit(
        self, amount: int, fee: int, type: str = "charge", category: str = "charge"
    ) -> BalanceTransaction:
        """A line of the merchant's statement, counted into the day it becomes available."""
        command, attempt = self.command, self.attempt
        row = BalanceTransaction(
            self.mint.new("txn"), attempt.account, type, category, amount, fee, attempt.currency,
            command.available_on, attempt.charge, self.view.now, self.intent.terms.description,
        )  # fmt: skip
        self.rows.append((TRANSACTIONS, row))
        day, released = self._day(row)
        self.rows += day
        if released:
            self.transfers += postings.early(self.mint, attempt, row.net)
        return row

    def _day(self, row: BalanceTransaction) -> tuple[list[tuple[Table[Any], Any]], bool]:
        """Two lines of one settle meet on the same day row, which the view does not show yet."""
        earlier = [r for table, r in self.rows if table is DAYS]
        if earlier:
            self.rows = [pair for pair in self.rows if pair[0] is not DAYS]
            return [(DAYS, replace(earlier[-1], net=earlier[-1].net + row.net))], False
        return add_to_day(self.view, row.account, row.currency, row.available_on, row.net)

    def _existing_charge(self) -> Charge:
        charge = self.view.get(CHARGES, self.attempt.charge)
        assert charge is not None, "a capture or void has its charge"
        return charge

    def _method(self) -> PaymentMethod:
        method = self.view.get(METHODS, self.attempt.payment_method)
        assert method is not None, "an attempt has its payment method"
        return method

    def _failed_charge(self, evidence: Evidence, code: str, message: str) -> Charge:
        checks = evidence.checks if isinstance(evidence, Declined) else {}
        declined = evidence if isinstance(evidence, Declined) else None
        return replace(
            self._charge("failed", checks, None),
            failure_code=code,
            failure_message=message,
            decline_code=declined.reason if declined else None,
            network_code=declined.network_code if declined else None,
        )

    def _charge(self, status: str, checks: dict[str, str], approved: Approved | None) -> Charge:
        attempt, intent, method = self.attempt, self.intent, self._method()
        return Charge(
            attempt.charge, attempt.account, intent.id, status, attempt.amount, attempt.currency,
            attempt.acquirer, attempt.id, self.view.now, intent.live, method.id, method.card,
            Checks(**{name: checks[name] for name in Checks.__struct_fields__ if name in checks}),
            method.billing, intent.terms, intent.customer,
            acquirer_reference=approved.acquirer_reference if approved else None,
            authorization_code=approved.authorization_code if approved else None,
            network_reference=approved.network_reference if approved else None,
        )  # fmt: skip


_EVENTS = {
    Declined: AttemptEvent.DECLINED,
    Rejected: AttemptEvent.REJECTED,
    NotSent: AttemptEvent.NOT_SENT,
    Undone: AttemptEvent.UNDONE,
}


def _text(evidence: Evidence) -> str:
    return msgspec.json.encode(evidence).decode()
