"""What an outcome does to a refund: state, ledger, events and the saved answer, in one decision.

Settling is conditional on the refund's state and epoch. Succeeded is final only once nothing is polled any more.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.balances.commands import add_to_day
from nostro.balances.model import BalanceTransaction
from nostro.balances.store import TRANSACTIONS
from nostro.events.emit import Origin, emit
from nostro.idempotency.commands import told
from nostro.idempotency.store import KEYS
from nostro.kernel.answer import Answer, snapshot
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.outcome import (
    Approved,
    Declined,
    Evidence,
    NotSent,
    Pending,
    Rejected,
    Undone,
    Unknown,
)
from nostro.kernel.posting import Transfer
from nostro.kernel.table import Table
from nostro.payments.ahead import LOOKED_AT_MS
from nostro.payments.contradiction import (
    BY_PEOPLE,
    another_amount,
    contradiction,
    executed_again,
    for_people,
    learned,
    note,
    taints,
)
from nostro.payments.model import Charge
from nostro.payments.settle import Settled
from nostro.payments.store import CHARGES
from nostro.refunds import postings
from nostro.refunds.funding import available_on, reads_of
from nostro.refunds.machine import REFUND, SENT, RefundEvent, RefundState
from nostro.refunds.model import Refund
from nostro.refunds.store import REFUNDS

log = logging.getLogger(__name__)


class SettleRefund(msgspec.Struct, frozen=True):
    """Settle a refund by evidence. `retry_at` (system time) is when what is still open is asked about."""

    book: int
    seed: bytes
    origin: Origin
    refund: Refund
    charge: Charge
    evidence: Evidence
    retry_at: SystemTime
    awaiting: str | None = None  # the queue it waits in, if it stays unknown
    by_people: bool = False  # two of them concluded it

    def reads(self) -> Reads:
        """The refund and everything its outcome may change."""
        refund, charge = self.refund, reads_of(self.charge)
        rows = [*charge.rows, (REFUNDS, refund.id)]
        if refund.key:
            rows.append((KEYS, refund.key))
        return Reads(rows, charge.accounts, (refund.hold,) if refund.hold else ())

    def decide(self, view: View) -> Decision[Settled]:
        """Apply the evidence once."""
        refund, charge = view.get(REFUNDS, self.refund.id), view.get(CHARGES, self.charge.id)
        assert refund is not None and charge is not None, "a refund never loses its rows"
        if refund.state not in SENT or refund.epoch != self.refund.epoch:
            still_sent = refund.state is RefundState.SENDING
            answer, rows = told(view, refund.key, Answer(snapshot(refund)), still_sent)
            settled = Settled(answer, applied=False)
            return Decision(settled, rows, notes=_too_late(refund, self.evidence))
        # People have seen what contradicts: which execution counts is theirs to say.
        doubt = None if self.by_people else _doubt(refund, self.evidence)
        tainted = doubt is not None and taints(learned(refund.evidence), self.evidence)
        work = _Work(view, self, refund, charge, tainted)
        work.settle(Unknown(doubt) if doubt else _conclusive(refund, self.evidence, self.by_people))
        # A notification may have come before the acquirer's answer, and answered the key.
        answer, saved = told(view, refund.key, Answer(snapshot(work.refund)), still_sent=False)
        rows, notes = [*work.rows, *saved], _doubted(refund, doubt)
        return Decision(Settled(answer, applied=True), rows, work.transfers, notes=notes)


def _too_late(refund: Refund, evidence: Evidence) -> tuple[Note, ...]:
    """Late evidence changes nothing. That a person is told if it contradicts how the refund ended, is all it does."""
    before = learned(refund.evidence)
    over = refund.state in REFUND.final and not was_so(refund, evidence)
    done = refund.state is RefundState.SUCCEEDED
    why = contradiction(done, before, evidence) if over else None
    if why is None:
        log.warning("refund %s is another's by now; late evidence changes nothing", refund.id)
        return ()
    log.error("refund %s is %s, and too late it is said: %s", refund.id, refund.state, why)
    return (note(refund.id, refund.state, why),)


def was_so(refund: Refund, evidence: Evidence) -> bool:
    """Whether it tells of an earlier time of a refund: it succeeded, as far as the acquirer knew, before it failed.

    Of what failed, and not of another execution; and what people concluded was not said by the acquirer.
    """
    end = learned(refund.evidence)
    if refund.state is not RefundState.FAILED or not isinstance(end, Declined):
        return False
    if not isinstance(evidence, Approved):
        return False
    succeeded = refund.balance_transaction is not None or evidence.poll_after_ms is not None
    return succeeded and end.acquirer_reference in (None, "", evidence.acquirer_reference)


def _doubt(refund: Refund, evidence: Evidence) -> str | None:
    """Why what the acquirer says that it did cannot be believed; None if it can."""
    again = executed_again(learned(refund.evidence), evidence)
    if again is not None or not isinstance(evidence, Approved):
        return again
    return another_amount(evidence, refund.amount, refund.currency)


def _doubted(refund: Refund, why: str | None) -> tuple[Note, ...]:
    """The record of an answer that cannot be believed."""
    if why is None or refund.contradicted:
        return ()
    log.error("refund %s: %s", refund.id, why)
    return (note(refund.id, refund.state, why),)


def _conclusive(refund: Refund, evidence: Evidence, by_people: bool) -> Evidence:
    """Evidence as far as it concludes: anything doubtful is Unknown (DESIGN §3.3)."""
    if for_people(refund.contradicted, evidence, by_people):
        return Unknown(BY_PEOPLE)
    if isinstance(evidence, (Rejected, NotSent)):
        only_send = refund.sends == 1 and refund.state is RefundState.SENDING
        return evidence if only_send else Unknown("a rejected repeat concludes nothing")
    if isinstance(evidence, Pending) and refund.state is RefundState.PROVISIONAL:
        return Unknown("pending after success")
    if isinstance(evidence, (Approved, Declined, Undone, Pending, Unknown)):
        return evidence
    return Unknown(type(evidence).__name__)


class _Work:
    """The rows and transfers of one settle while they are put together."""

    def __init__(
        self, view: View, command: SettleRefund, refund: Refund, charge: Charge, tainted: bool
    ) -> None:
        self.view, self.command, self.mint, self.tainted = view, command, view.mint, tainted
        self.before, self.refund, self.charge = refund, refund, charge
        self.rows: list[tuple[Table[Any], Any]] = []
        self.transfers: list[Transfer] = []

    def settle(self, evidence: Evidence) -> None:
        """Dispatch on what is known."""
        if isinstance(evidence, Unknown):
            self._unknown(evidence)
        elif isinstance(evidence, Pending):
            self._move(RefundEvent.ACCEPTED, evidence, lease_until=self._poll_at(evidence))
        elif isinstance(evidence, Approved):
            self._approved(evidence)
        elif self.before.state is RefundState.PROVISIONAL:
            self._failed_after_success(evidence)
        else:
            self._refused(evidence)

    # Still open

    def _unknown(self, evidence: Unknown) -> None:
        """Nothing new is known. An acquirer's earlier word stays the evidence."""
        in_doubt = self.before.state in (RefundState.SENDING, RefundState.UNKNOWN)
        self._move(
            RefundEvent.LOST, evidence if in_doubt else None, lease_until=self.command.retry_at
        )

    def _poll_at(self, evidence: Approved | Pending) -> SystemTime:
        """When the acquirer wants to be asked; if it has put us off before, ever less often."""
        asked_ms = min(evidence.poll_after_ms or 0, LOOKED_AT_MS)
        asked = SystemTime(self.view.system_now + asked_ms)
        repeated = self.before.state in (RefundState.ACCEPTED, RefundState.PROVISIONAL)
        later = repeated or self.command.awaiting
        return max(asked, self.command.retry_at) if later else asked

    # Approved

    def _approved(self, evidence: Approved) -> None:
        provisional = evidence.poll_after_ms is not None
        event = RefundEvent.PROVISIONALLY if provisional else RefundEvent.APPROVED
        lease = self._poll_at(evidence) if provisional else self.before.lease_until
        if self.before.state is RefundState.PROVISIONAL:
            self._move(event, evidence, lease_until=lease)
            return
        self.transfers.append(postings.refunded(self.mint, self.before))
        transaction = self._transaction("refund", -self.before.amount, self._counts_on())
        self._move(event, evidence, lease_until=lease, balance_transaction=transaction.id)
        self._keep_charge(refunded=self.before.amount, reserved=-self.before.amount)
        self._announce("refund.updated")
        self._announce_charge("charge.refunded")
        self._announce("charge.refund.updated")

    def _counts_on(self) -> BusinessTime:
        """What was taken from a day that is still ahead counts on that day."""
        day = available_on(self.charge)
        return day if self.before.from_pending and day > self.view.now else self.view.now

    # Not done

    def _refused(self, evidence: Evidence) -> None:
        self.transfers.append(postings.refused(self.mint, self.before))
        if self.before.from_pending:
            self._give_back_to_day()
        self._move(RefundEvent.REFUSED, evidence, failure_reason=_reason(evidence))
        self._keep_charge(reserved=-self.before.amount)
        self._announce("refund.failed")
        self._announce("charge.refund.updated")

    def _give_back_to_day(self) -> None:
        refund, day = self.before, available_on(self.charge)
        rows, released = add_to_day(self.view, refund.account, refund.currency, day, refund.amount)
        self.rows += rows
        if released:
            self.transfers.append(postings.early(self.mint, refund))

    def _failed_after_success(self, evidence: Evidence) -> None:
        self.transfers.append(postings.failed(self.mint, self.before))
        transaction = self._transaction("refund_failure", self.before.amount, self.view.now)
        self._move(
            RefundEvent.FAILED,
            evidence,
            failure_reason=_reason(evidence),
            failure_balance_transaction=transaction.id,
        )
        self._keep_charge(refunded=-self.before.amount)
        self._announce("refund.failed")
        self._announce("charge.refund.updated")

    # Parts

    def _move(self, event: RefundEvent, evidence: Evidence | None, **fields: Any) -> None:
        state = REFUND.step(self.before.state, event)
        if evidence is not None:
            fields["evidence"] = msgspec.json.encode(_named(evidence, self.before)).decode()
        fields["contradicted"] = self.before.contradicted or self.tainted
        waits = self.command.awaiting or self.before.awaiting
        fields["awaiting"] = waits if state in _WAITS else None
        self.refund = replace(self.before, state=state, **fields)
        self.rows.append((REFUNDS, self.refund))

    def _keep_charge(self, refunded: int = 0, reserved: int = 0) -> None:
        charge = self.charge
        self.charge = replace(
            charge,
            amount_refunded=charge.amount_refunded + refunded,
            refunds_reserved=charge.refunds_reserved + reserved,
        )
        self.rows.append((CHARGES, self.charge))

    def _transaction(self, type: str, amount: int, counts_on: BusinessTime) -> BalanceTransaction:
        refund = self.before
        row = BalanceTransaction(
            self.mint.new("txn"), refund.account, type, type, amount, 0, refund.currency,
            counts_on, refund.id, self.view.now, self.charge.terms.description,
        )  # fmt: skip
        self.rows.append((TRANSACTIONS, row))
        return row

    def _announce(self, name: str) -> None:
        before = {
            field: getattr(self.before, field)
            for field in _SHOWN
            if getattr(self.before, field) != getattr(self.refund, field)
        }
        shown = snapshot(self.refund)
        self.rows.append(emit(self.view, self.command.origin, name, shown, before))

    def _announce_charge(self, name: str) -> None:
        before = {"amount_refunded": self.charge.amount_refunded - self.before.amount}
        shown = snapshot(self.charge)
        self.rows.append(emit(self.view, self.command.origin, name, shown, before))


# What waits in a queue, where nobody can be asked.
_WAITS = (RefundState.UNKNOWN, RefundState.ACCEPTED, RefundState.PROVISIONAL)
# The fields of a refund whose change its events tell.
_SHOWN = ("state", "balance_transaction", "failure_balance_transaction", "failure_reason")


def _named(evidence: Evidence, before: Refund) -> Evidence:
    """What failed keeps the name that it had when it succeeded: see `was_so`."""
    known = learned(before.evidence)
    if isinstance(evidence, Declined) and isinstance(known, Approved):
        named = evidence.acquirer_reference or known.acquirer_reference
        return replace(evidence, acquirer_reference=named)
    return evidence


def _reason(evidence: Evidence) -> str:
    return evidence.reason if isinstance(evidence, Declined) else "unknown"
