"""What merchants ask of a refund, decided purely: create, update, cancel.

One that can be sent at once ends in `SendingRefund`: its hold is durable before anything leaves the house.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin, emit
from nostro.kernel.answer import Answer, Proceed, Refusal, locked, missing, snapshot
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.table import Table
from nostro.payment_methods.commands import merged
from nostro.payments.commands import Decided
from nostro.payments.model import Charge, Intent
from nostro.payments.store import CHARGES, INTENTS
from nostro.refunds.funding import Dispatch, Rows, fund, reads_of
from nostro.refunds.machine import REFUND
from nostro.refunds.model import Refund
from nostro.refunds.refusals import left, not_cancelable, not_refundable, without_charge
from nostro.refunds.store import REFUNDS


class SendingRefund(Proceed, frozen=True):
    """The refund to send, and the charge it is of."""

    row: Refund
    charge: Charge


class RefundRequest(msgspec.Struct, frozen=True):
    """What is to be refunded: of a charge, or of an intent's. `amount` None means all that is left."""

    charge: str | None = None
    intent: str | None = None
    amount: int | None = None
    reason: str | None = None
    metadata: dict[str, str] = {}


class CreateRefund(msgspec.Struct, frozen=True):
    """Refund a charge, or a part. `found` is the charge as it was read before the queue, if there was one."""

    book: int
    seed: bytes
    origin: Origin
    asked: RefundRequest
    found: Charge | None
    dispatch: Dispatch

    def reads(self) -> Reads:
        """The intent that was named; the charge, its day, and the accounts to take the money from."""
        rows: list[tuple[Table[Any], str]] = []
        if self.asked.intent is not None:
            rows.append((INTENTS, self.asked.intent))
        if self.found is None:
            return Reads(rows)
        charge = reads_of(self.found)
        return Reads([*rows, *charge.rows], charge.accounts)

    def decide(self, view: View) -> Decided:
        """Reserve the amount of the charge; then hold the money and send, or wait until it is there."""
        charge = self._charge(view)
        if isinstance(charge, Refusal):
            return Decision(charge)
        refusal = not_refundable(charge, self.asked.amount)
        if refusal is not None:
            return Decision(refusal)
        return self._accept(view, charge, self._refund(view, charge))

    def _accept(self, view: View, charge: Charge, refund: Refund) -> Decided:
        reserved = replace(charge, refunds_reserved=charge.refunds_reserved + refund.amount)
        funded = fund(view, charge, refund, self.dispatch)
        if funded is not None:
            refund = funded.refund
        shown = snapshot(refund)
        created = emit(view, self.origin, "refund.created", shown)
        rows: Rows = [(CHARGES, reserved), (REFUNDS, refund), created]
        if funded is None:
            return Decision(Answer(shown), rows)
        proceed = SendingRefund(refund.id, refund, reserved)
        return Decision(proceed, [*rows, *funded.rows], [funded.hold])

    def _charge(self, view: View) -> Charge | Refusal:
        """The charge under the lock, if it is the account's own and still what was read before."""
        intent = self.asked.intent
        if intent is not None and not _is_own(view.get(INTENTS, intent), self.origin):
            return missing("payment_intent", intent, "payment_intent")
        charge = view.get(CHARGES, self.found.id) if self.found else None
        if charge is None or charge.account != self.origin.account:
            if intent is not None:
                return without_charge(intent)
            return missing("charge", self.asked.charge or "", "charge")
        if intent is not None and charge.status == "failed":
            return without_charge(intent)
        assert self.found is not None
        return charge if charge.available_on == self.found.available_on else locked()

    def _refund(self, view: View, charge: Charge) -> Refund:
        asked, dispatch = self.asked, self.dispatch
        amount = left(charge) if asked.amount is None else asked.amount
        return Refund(
            view.mint.new("re"), charge.account, charge.id, charge.intent, REFUND.initial, amount,
            charge.currency, charge.acquirer, charge.reference, view.now, self.origin.live,
            dispatch.retry_at, dispatch.send_by, dispatch.instance, reason=asked.reason,
            metadata=asked.metadata, key=dispatch.key, request_id=self.origin.request_id,
        )  # fmt: skip


class UpdateRefund(msgspec.Struct, frozen=True):
    """Change a refund's metadata, the only thing of it that may change. `metadata` None clears it."""

    book: int
    seed: bytes
    origin: Origin
    refund: str
    metadata: dict[str, str] | None

    def reads(self) -> Reads:
        """The refund."""
        return Reads([(REFUNDS, self.refund)])

    def decide(self, view: View) -> Decided:
        """Merge the metadata."""
        refund = own_refund(view, self.origin, self.refund)
        if isinstance(refund, Refusal):
            return Decision(refund)
        changed = replace(refund, metadata=merged(refund.metadata, self.metadata))
        shown = snapshot(changed)
        if changed == refund:
            return Decision(Answer(shown))
        before = {"metadata": refund.metadata}
        event = emit(view, self.origin, "refund.updated", shown, before)
        return Decision(Answer(shown), [(REFUNDS, changed), event])


class CancelRefund(msgspec.Struct, frozen=True):
    """Cancel a refund that waits for its customer. Refunds to cards never do, so it is always refused."""

    book: int
    seed: bytes
    origin: Origin
    refund: str

    def reads(self) -> Reads:
        """The refund."""
        return Reads([(REFUNDS, self.refund)])

    def decide(self, view: View) -> Decided:
        """Say that there is no such refund, or that its status does not allow it."""
        refund = own_refund(view, self.origin, self.refund)
        return Decision(refund if isinstance(refund, Refusal) else not_cancelable(refund))


def own_refund(view: View, origin: Origin, identifier: str) -> Refund | Refusal:
    """The refund, if it is the account's own; otherwise it does not exist for it."""
    refund = view.get(REFUNDS, identifier)
    if refund is None or refund.account != origin.account:
        return missing("refund", identifier, "id")
    return refund


def _is_own(intent: Intent | None, origin: Origin) -> bool:
    return intent is not None and intent.account == origin.account
