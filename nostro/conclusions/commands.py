"""Operators come and go; one proposes a conclusion, another applies it. Decided purely."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from nostro.conclusions.machine import CONCLUSION, ConclusionEvent, ConclusionState
from nostro.conclusions.model import (
    Badge,
    Conclusion,
    Finding,
    Operator,
    OperatorState,
    Refused,
    Verdict,
)
from nostro.conclusions.store import CONCLUSIONS, OPERATORS
from nostro.kernel.clock import SECOND, SystemTime
from nostro.kernel.command import Command, Decision, Reads, View
from nostro.payments.machine import AttemptState
from nostro.payments.model import Attempt
from nostro.payments.queues import ASKED_MS
from nostro.payments.settle import Settled
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message, table_of

# Only what was sent and has no outcome: what an acquirer has answered is not for people to conclude.
_OPEN = (AttemptState.UNKNOWN, RefundState.UNKNOWN, RefundState.ACCEPTED, RefundState.PROVISIONAL)


class AddOperator(msgspec.Struct, frozen=True):
    """Add an operator, or give one who was removed a new key. False if there is an active one of this name."""

    book: int
    seed: bytes
    name: str
    key_hash: str
    actor: str = "operator"

    def reads(self) -> Reads:
        """The operator."""
        return Reads([(OPERATORS, self.name)])

    def decide(self, view: View) -> Decision[bool]:
        """A key is never given to a name that has one."""
        known = view.get(OPERATORS, self.name)
        if known is not None and known.state is OperatorState.ACTIVE:
            return Decision(False)
        added = Operator(self.name, self.key_hash, OperatorState.ACTIVE, view.system_now)
        return Decision(True, [(OPERATORS, added)])


class RemoveOperator(msgspec.Struct, frozen=True):
    """Make an operator's key void. False if it is so already."""

    book: int
    seed: bytes
    name: str
    actor: str = "operator"

    def reads(self) -> Reads:
        """The operator."""
        return Reads([(OPERATORS, self.name)])

    def decide(self, view: View) -> Decision[bool]:
        """What the operator proposed stays, for others to judge."""
        known = view.get(OPERATORS, self.name)
        if known is None or known.state is OperatorState.REMOVED:
            return Decision(False)
        return Decision(True, [(OPERATORS, replace(known, state=OperatorState.REMOVED))])


class ProposeConclusion(msgspec.Struct, frozen=True):
    """Propose what became of a message. `arriving_ms`: how long after its `send_by` one may still be under way."""

    book: int
    seed: bytes
    badge: Badge
    reference: str
    finding: Finding
    arriving_ms: int

    @property
    def actor(self) -> str:
        """Who is asking."""
        return f"operator:{self.badge.name}"

    def reads(self) -> Reads:
        """The operator, the message, and what was concluded before."""
        return Reads([
            (OPERATORS, self.badge.name), (CONCLUSIONS, self.reference),
            (table_of(self.reference), self.reference),
        ])  # fmt: skip

    def decide(self, view: View) -> Decision[Conclusion | Refused]:
        """At most one proposal stands for a message, made by one who could see all that was sent."""
        before = view.get(CONCLUSIONS, self.reference)
        refused = _not_an_operator(view, self.badge) or self._refused(view, before)
        if refused is not None:
            return Decision(refused)
        state = ConclusionState.PROPOSED
        if before is not None:
            state = CONCLUSION.step(before.state, ConclusionEvent.PROPOSED)
        found = self.finding
        proposed = Conclusion(
            self.reference, found.verdict, found.acquirer_reference, found.reason, found.evidence,
            state, self.badge.name, view.system_now,
        )  # fmt: skip
        return Decision(proposed, [(CONCLUSIONS, proposed)])

    def _refused(self, view: View, before: Conclusion | None) -> Refused | None:
        if before is not None and before.state is not ConclusionState.WITHDRAWN:
            return Refused(f"{self.reference}: {before.state} already, by {before.proposed_by}")
        verdict = self.finding.verdict
        return (
            _not_open(view, self.reference, verdict)
            or _the_workers(view, self.reference)
            or _under_way(view, self.reference, verdict, view.system_now, self.arriving_ms)
        )


class WithdrawConclusion(msgspec.Struct, frozen=True):
    """Take a proposal back, one's own or another's."""

    book: int
    seed: bytes
    badge: Badge
    reference: str

    @property
    def actor(self) -> str:
        """Who is asking."""
        return f"operator:{self.badge.name}"

    def reads(self) -> Reads:
        """The operator and the proposal."""
        return Reads([(OPERATORS, self.badge.name), (CONCLUSIONS, self.reference)])

    def decide(self, view: View) -> Decision[Conclusion | Refused]:
        """Only what is still proposed."""
        before = view.get(CONCLUSIONS, self.reference)
        refused = _not_an_operator(view, self.badge) or _not_proposed(before, self.reference)
        if refused is not None or before is None:
            return Decision(refused or Refused("nothing is proposed"))
        withdrawn = replace(
            before,
            state=CONCLUSION.step(before.state, ConclusionEvent.WITHDRAWN),
            decided_by=self.badge.name,
            decided_ms=view.system_now,
        )
        return Decision(withdrawn, [(CONCLUSIONS, withdrawn)])


class ApproveConclusion:
    """Apply what another person proposed: the settling it leads to, and the conclusion, in one transaction."""

    def __init__(
        self, badge: Badge, proposed: Conclusion, settling: Command[Settled], arriving_ms: int
    ) -> None:
        self.badge, self.proposed, self.settling = badge, proposed, settling
        self.arriving_ms = arriving_ms
        self.book, self.seed = settling.book, settling.seed
        self.actor = f"operator:{badge.name}"

    def reads(self) -> Reads:
        """What the settling reads, the operator and the proposal."""
        inner = self.settling.reads()
        rows = [*inner.rows, (OPERATORS, self.badge.name), (CONCLUSIONS, self.proposed.id)]
        return Reads(rows, inner.accounts, inner.holds)

    def decide(self, view: View) -> Decision[Conclusion | Refused]:
        """By another person, of what is proposed as it was read, and only if it settles the message."""
        refused = _not_an_operator(view, self.badge) or self._refused(view)
        if refused is not None:
            return Decision(refused)
        settled = self.settling.decide(view)
        if not settled.answer.applied:
            return Decision(
                Refused(f"{self.proposed.id} was settled or taken meanwhile: look again")
            )
        if self._left_open(settled):
            return Decision(Refused(f"{self.proposed.id} would still be open: look again"))
        applied = replace(
            self.proposed,
            state=CONCLUSION.step(self.proposed.state, ConclusionEvent.APPROVED),
            decided_by=self.badge.name,
            decided_ms=view.system_now,
        )
        rows = [*settled.rows, (CONCLUSIONS, applied)]
        return Decision(applied, rows, settled.transfers, settled.deletes, notes=settled.notes)

    def _left_open(self, settled: Decision[Settled]) -> bool:
        """Whether the settling counted, but did not conclude the message."""
        table = table_of(self.proposed.id)
        return any(kept is table and row.state in _OPEN for kept, row in settled.rows)

    def _refused(self, view: View) -> Refused | None:
        now = view.get(CONCLUSIONS, self.proposed.id)
        if now != self.proposed:
            return Refused(f"the proposal for {self.proposed.id} was changed meanwhile: look again")
        if now.proposed_by == self.badge.name:
            return Refused(f"{self.badge.name} proposed it: another operator has to approve")
        return (
            _not_proposed(now, now.id)
            or _not_open(view, now.id, now.verdict)
            or _under_way(view, now.id, now.verdict, now.proposed_ms, self.arriving_ms)
        )


def _not_an_operator(view: View, badge: Badge) -> Refused | None:
    known = view.get(OPERATORS, badge.name)
    if (
        known is not None
        and known.state is OperatorState.ACTIVE
        and hmac.compare_digest(known.key_hash, badge.key_hash)
    ):
        return None
    return Refused("that is no operator's key")


def _not_proposed(conclusion: Conclusion | None, reference: str) -> Refused | None:
    if conclusion is None or conclusion.state is not ConclusionState.PROPOSED:
        return Refused(f"nothing is proposed for {reference}")
    return None


def _not_open(view: View, reference: str, verdict: Verdict) -> Refused | None:
    message: Message | None = view.get(table_of(reference), reference)
    if message is None:
        return Refused(f"there is no message {reference} in this book")
    if message.state not in _OPEN:
        return Refused(f"{reference} is {message.state}: only an unknown outcome is concluded")
    if isinstance(message, Attempt) and message.cancelling and verdict is Verdict.DONE:
        return Refused(
            f"a cancel of {reference} may be on its way and undo it: only not_done can be concluded."
            " If it stands in the acquirer's books, have it reversed there first"
        )
    return None


def _the_workers(view: View, reference: str) -> Refused | None:
    """While its acquirer can be asked, or sent it again, its own answer is better than any letter: till it is overdue."""
    message: Message | None = view.get(table_of(reference), reference)
    if message is None or message.awaiting is not None or message.contradicted:
        return None
    overdue = SystemTime(message.first_sent + ASKED_MS)
    if not message.age_known or not message.first_sent <= view.system_now < overdue:
        return None
    return Refused(
        f"{reference}: the worker still asks {message.acquirer} about it; people conclude what waits in a queue"
        f" (`nostro queues`), or is still unknown at {_shown(overdue)}"
    )


def _under_way(
    view: View, reference: str, verdict: Verdict, seen_ms: SystemTime, arriving_ms: int
) -> Refused | None:
    """Who looked at `seen_ms` cannot have seen that a message was not executed which may have arrived after that."""
    message: Message | None = view.get(table_of(reference), reference)
    if message is None or verdict is Verdict.DONE or message.send_by + arriving_ms < seen_ms:
        return None
    until = _shown(SystemTime(message.send_by + arriving_ms))
    return Refused(
        f"{reference} was sent {message.sends} times, the last may arrive until {until}:"
        " look at the acquirer's books after that, and propose then"
    )


def _shown(at: SystemTime) -> str:
    return f"{datetime.fromtimestamp(at / SECOND, UTC):%FT%TZ}"
