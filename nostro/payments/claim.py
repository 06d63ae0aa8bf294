"""What the worker decides about attempts: who may finish one, how often it was sent, when a hold is over."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin, emit
from nostro.kernel.answer import snapshot
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.posting import Kind
from nostro.payments import postings
from nostro.payments.ahead import Ending
from nostro.payments.machine import INTENT, LIVE, IntentEvent, IntentStatus
from nostro.payments.model import Attempt, Charge
from nostro.payments.store import ATTEMPTS, CHARGES, INTENTS


class ClaimAttempt(msgspec.Struct, frozen=True):
    """Take the lease of a live attempt whose lease is over. The epoch fences its earlier holder."""

    book: int
    seed: bytes
    attempt: str
    holder: str
    lease_until: SystemTime

    def reads(self) -> Reads:
        """The attempt."""
        return Reads([(ATTEMPTS, self.attempt)])

    def decide(self, view: View) -> Decision[Attempt | None]:
        """The attempt under its new epoch, or None if it is not to be had."""
        attempt = view.get(ATTEMPTS, self.attempt)
        if attempt is None or attempt.state not in LIVE or attempt.lease_until > view.system_now:
            return Decision(None)
        taken = replace(
            attempt,
            holder=self.holder,
            lease_until=self.lease_until,
            epoch=attempt.epoch + 1,
            age_known=attempt.age_known and attempt.first_sent <= view.system_now,
        )
        return Decision(taken, [(ATTEMPTS, taken)])


class EndLeases(msgspec.Struct, frozen=True):
    """End the leases that the dead hold, and those that only a clock that was ahead can have given."""

    book: int
    seed: bytes
    attempts: tuple[str, ...]
    ending: Ending

    def reads(self) -> Reads:
        """The attempts."""
        return Reads([(ATTEMPTS, attempt) for attempt in self.attempts])

    def decide(self, view: View) -> Decision[int]:
        """Returns how many it ended."""
        found = (view.get(ATTEMPTS, attempt) for attempt in self.attempts)
        live = [attempt for attempt in found if attempt is not None and attempt.state in LIVE]
        now = view.system_now
        changes = [self.ending.changes(attempt, attempt.awaiting is None, now) for attempt in live]
        ended = sum("lease_until" in fields for fields in changes)
        rows = zip(live, changes, strict=True)
        return Decision(ended, [(ATTEMPTS, replace(row, **new)) for row, new in rows if new])


class CountSend(msgspec.Struct, frozen=True):
    """One more send of the same reference: durable before it leaves, so that its answer is read aright."""

    book: int
    seed: bytes
    attempt: Attempt
    send_by: SystemTime

    def reads(self) -> Reads:
        """The attempt."""
        return Reads([(ATTEMPTS, self.attempt.id)])

    def decide(self, view: View) -> Decision[Attempt | None]:
        """The attempt with the send counted, or None if nothing may leave of it by now."""
        attempt = view.get(ATTEMPTS, self.attempt.id)
        if attempt is None or not _as_claimed(attempt, self.attempt):
            return Decision(None)
        counted = replace(attempt, sends=attempt.sends + 1, send_by=self.send_by)
        return Decision(counted, [(ATTEMPTS, counted)])


class IntendCancel(msgspec.Struct, frozen=True):
    """Say durably that a sale or authorization will be cancelled by its reference, before the cancel leaves.

    A cancel that arrives late undoes what was approved meanwhile. So from here on nothing but a cancel follows.
    """

    book: int
    seed: bytes
    attempt: Attempt

    def reads(self) -> Reads:
        """The attempt."""
        return Reads([(ATTEMPTS, self.attempt.id)])

    def decide(self, view: View) -> Decision[Attempt | None]:
        """The attempt as one that is being cancelled, or None if nothing may leave of it by now."""
        attempt = view.get(ATTEMPTS, self.attempt.id)
        if attempt is None or not _as_claimed(attempt, self.attempt):
            return Decision(None)
        cancelling = replace(attempt, cancelling=True)
        return Decision(cancelling, [(ATTEMPTS, cancelling)])


def _as_claimed(now: Attempt, claimed: Attempt) -> bool:
    """Live, in the same hands, and nothing was learned of it meanwhile that forbids that anything leaves."""
    same = (now.epoch, now.age_known, now.contradicted)
    return now.state in LIVE and same == (claimed.epoch, claimed.age_known, claimed.contradicted)


class ExpireAuthorization(msgspec.Struct, frozen=True):
    """End a hold whose time is over. One with a live or unknown attempt on it does not expire."""

    book: int
    seed: bytes
    origin: Origin
    charge: Charge

    def reads(self) -> Reads:
        """The charge, its intent, its hold and accounts."""
        charge = self.charge
        accounts = postings.accounts_of(charge.account, charge.acquirer, charge.currency)
        holds = (charge.hold,) if charge.hold else ()
        return Reads([(CHARGES, charge.id), (INTENTS, charge.intent)], accounts, holds)

    def decide(self, view: View) -> Decision[bool]:
        """The intent is canceled as expired; the acquirer lets its own hold lapse."""
        charge, intent = view.get(CHARGES, self.charge.id), view.get(INTENTS, self.charge.intent)
        assert charge is not None and intent is not None
        over = charge.capture_before is not None and charge.capture_before <= view.now
        if not over or charge.released or intent.status is not IntentStatus.REQUIRES_CAPTURE:
            return Decision(False)
        charge = replace(charge, released=True)
        intent = replace(
            intent,
            status=INTENT.step(intent.status, IntentEvent.EXPIRED),
            amount_capturable=0,
            canceled_ms=view.now,
            cancellation_reason="automatic",
        )
        events = [
            emit(view, self.origin, "charge.expired", snapshot(charge)),
            emit(view, self.origin, "payment_intent.canceled", snapshot(intent)),
        ]
        transfers = [postings.release(view.mint, charge, Kind.EXPIRE)]
        return Decision(True, [(CHARGES, charge), (INTENTS, intent), *events], transfers)
