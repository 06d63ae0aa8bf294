"""What the worker decides about refunds: who may go on with one, whether it is covered by now, how often it was sent."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin, emit
from nostro.kernel.answer import snapshot
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.payments.ahead import Ending
from nostro.payments.model import Charge
from nostro.refunds.funding import Dispatch, Rows, fund, reads_of
from nostro.refunds.machine import REFUND, RefundState
from nostro.refunds.model import Refund
from nostro.refunds.store import REFUNDS

REPEATABLE = (RefundState.SENDING, RefundState.UNKNOWN)


class ClaimRefund(msgspec.Struct, frozen=True):
    """Take the lease of an open refund whose lease is over. The epoch fences its earlier holder."""

    book: int
    seed: bytes
    refund: str
    holder: str
    lease_until: SystemTime

    def reads(self) -> Reads:
        """The refund."""
        return Reads([(REFUNDS, self.refund)])

    def decide(self, view: View) -> Decision[Refund | None]:
        """The refund under its new epoch, or None if it is not to be had."""
        refund = view.get(REFUNDS, self.refund)
        if refund is None or refund.state in REFUND.final or refund.lease_until > view.system_now:
            return Decision(None)
        taken = replace(
            refund,
            holder=self.holder,
            lease_until=self.lease_until,
            epoch=refund.epoch + 1,
            age_known=refund.age_known and refund.first_sent <= view.system_now,
        )
        return Decision(taken, [(REFUNDS, taken)])


class FundRefund(msgspec.Struct, frozen=True):
    """Send a refund that waited for its money, if the balance covers it now."""

    book: int
    seed: bytes
    origin: Origin
    refund: Refund
    charge: Charge
    dispatch: Dispatch

    def reads(self) -> Reads:
        """The refund, its charge's day, and the accounts to take the money from."""
        charge = reads_of(self.charge)
        return Reads([*charge.rows, (REFUNDS, self.refund.id)], charge.accounts)

    def decide(self, view: View) -> Decision[Refund | None]:
        """The refund to send; None if it goes on waiting or somebody else holds it."""
        refund = view.get(REFUNDS, self.refund.id)
        assert refund is not None, "a refund never loses its row"
        if refund.state is not RefundState.WAITING or refund.epoch != self.refund.epoch:
            return Decision(None)
        funded = fund(view, self.charge, refund, self.dispatch)
        if funded is None:
            waiting = replace(refund, lease_until=self.dispatch.retry_at)
            return Decision(None, [(REFUNDS, waiting)])
        before = {"state": refund.state}
        event = emit(view, self.origin, "refund.updated", snapshot(funded.refund), before)
        rows: Rows = [(REFUNDS, funded.refund), event, *funded.rows]
        return Decision(funded.refund, rows, [funded.hold])


class CountRefundSend(msgspec.Struct, frozen=True):
    """One more send of the same reference: durable before it leaves, so that its answer is read aright."""

    book: int
    seed: bytes
    refund: Refund
    send_by: SystemTime

    def reads(self) -> Reads:
        """The refund."""
        return Reads([(REFUNDS, self.refund.id)])

    def decide(self, view: View) -> Decision[Refund | None]:
        """The refund with the send counted, or None if nothing may leave of it by now."""
        refund = view.get(REFUNDS, self.refund.id)
        if refund is None or not _as_claimed(refund, self.refund):
            return Decision(None)
        counted = replace(refund, sends=refund.sends + 1, send_by=self.send_by)
        return Decision(counted, [(REFUNDS, counted)])


def _as_claimed(now: Refund, claimed: Refund) -> bool:
    """To be repeated, in the same hands, and nothing was learned of it meanwhile that forbids that it leaves."""
    same = (now.epoch, now.age_known, now.contradicted)
    claim = (claimed.epoch, claimed.age_known, claimed.contradicted)
    return now.state in REPEATABLE and same == claim


class EndRefundLeases(msgspec.Struct, frozen=True):
    """End the leases that the dead hold, and those that only a clock that was ahead can have given."""

    book: int
    seed: bytes
    refunds: tuple[str, ...]
    ending: Ending

    def reads(self) -> Reads:
        """The refunds."""
        return Reads([(REFUNDS, refund) for refund in self.refunds])

    def decide(self, view: View) -> Decision[int]:
        """Returns how many it ended."""
        found = (view.get(REFUNDS, refund) for refund in self.refunds)
        live = [row for row in found if row is not None and row.state not in REFUND.final]
        now = view.system_now
        changes = [self.ending.changes(refund, _asked(refund), now) for refund in live]
        ended = sum("lease_until" in fields for fields in changes)
        rows = zip(live, changes, strict=True)
        return Decision(ended, [(REFUNDS, replace(row, **new)) for row, new in rows if new])


def _asked(refund: Refund) -> bool:
    return refund.state in REPEATABLE and refund.awaiting is None
