"""Saboteurs: each removes one safety mechanism of the product, by wiring alone. The simulation must then fail.

A saboteur that survives is a hole in the faults, or a mechanism behind which another one stands; the table in
docs/explanation/simulation.md says which.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from nostro.acquirers import sandbox_notices
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.db import committer
from nostro.events.delivery import Deliveries
from nostro.idempotency.commands import Guarded
from nostro.kernel.clock import DAY
from nostro.kernel.command import Decision
from nostro.kernel.outcome import Declined, NotFound, NotSent, Undone, Unknown
from nostro.kernel.ports import Notification
from nostro.ledger import store as ledger
from nostro.notifications import judgement, lines, reports
from nostro.notifications.reports import Reports
from nostro.payments import ladder
from nostro.payments import settle as payment_settle
from nostro.payments.claim import ClaimAttempt, CountSend
from nostro.payments.machine import LIVE
from nostro.payments.service import Payments
from nostro.payments.store import ATTEMPTS
from nostro.refunds import commands as refund_commands
from nostro.refunds import refusals
from nostro.refunds import settle as refund_settle
from nostro.refunds.store import REFUNDS
from nostro.work import report_duty
from simulation import hosts
from simulation.acquirer import SimAcquirer

Patch = Callable[[Any, str, Any], None]  # of what, which name, what instead
SABOTEURS: dict[str, Callable[[Patch], None]] = {}


def saboteur(make: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Register one under its function's name."""
    SABOTEURS[make.__name__] = make
    return make


@contextmanager
def sabotaged(name: str | None) -> Iterator[None]:
    """Remove a mechanism for a while (None: none)."""
    undo: list[Callable[[], None]] = []

    def patch(of: Any, attribute: str, instead: Any) -> None:
        was = of.__dict__[attribute]
        undo.append(lambda: setattr(of, attribute, was))
        setattr(of, attribute, instead)

    try:
        if name is not None:
            SABOTEURS[name](patch)
        yield
    finally:
        for one in reversed(undo):
            one()


# Commits


@saboteur
def lost_commit_is_repeated(patch: Patch) -> None:
    """A commit whose answer was lost is taken for one that failed."""

    async def never(self: Any, work: Any) -> bool:
        await self._drop_session()
        return False

    patch(committer.Committer, "_committed_after_all", never)


@saboteur
def lost_commit_is_believed(patch: Patch) -> None:
    """A commit whose answer was lost is taken for one that succeeded."""

    async def always(self: Any, work: Any) -> bool:
        await self._drop_session()
        return True

    patch(committer.Committer, "_committed_after_all", always)


@saboteur
def asked_without_the_lock(patch: Patch) -> None:
    """Whether a batch committed is asked without waiting for the lost transaction to end."""
    asked = committer._Batch.question

    def question(self: Any) -> Any:
        return [one for one in asked(self) if one.text != ledger.QUERIES["lock_head"]]

    async def committed(self: Any, work: Any) -> bool:
        await self._drop_session()
        session = await self._connected()
        return bool((await session.run(question(work)))[1].rows)

    patch(committer.Committer, "_committed_after_all", committed)


@saboteur
def head_lock_off(patch: Patch) -> None:
    """Batches of several hosts are decided side by side."""
    text = ledger.QUERIES["lock_head"].replace(" FOR UPDATE", "")
    patch(ledger, "QUERIES", {**ledger.QUERIES, "lock_head": text})


@saboteur
def head_lock_and_count_off(patch: Patch) -> None:
    """Nor is the head's next batch compared when it is advanced."""
    head_lock_off(patch)
    text = ledger.QUERIES["advance_head"].replace(" AND next_batch = $5 - 1", "")
    patch(ledger, "QUERIES", {**ledger.QUERIES, "advance_head": text})


# Sending


@saboteur
def no_cancel_by_reference(patch: Patch) -> None:
    """A reference that was not found is given up without a tombstone at the acquirer."""

    async def cancel(self: Any, reference: str) -> Any:
        return Undone("nobody was told")

    patch(SandboxAcquirer, "cancel", cancel)


@saboteur
def not_found_concludes(patch: Patch) -> None:
    """What an inquiry does not find is taken for never done."""
    climb = ladder.climb

    async def hasty(can: Any, rungs: Any, inquire: Any, *others: Any, **known: Any) -> Any:
        async def found() -> Any:
            answer = await inquire()
            return Undone("not found") if isinstance(answer, NotFound) else answer

        return await climb(can, rungs, found, *others, **known)

    patch(ladder, "climb", hasty)


@saboteur
def fresh_reference(patch: Patch) -> None:
    """A repeat goes out under a reference of its own."""
    send = SimAcquirer.__dict__["_send"]
    sent: set[str] = set()

    async def fresh(self: Any, path: str, message: Any, body: Any) -> Any:
        if message.reference in sent:
            again = f"{message.reference}x"
            return await send(
                self, path, replace(message, reference=again), {**body, "reference": again}
            )
        sent.add(message.reference)
        return await send(self, path, message, body)

    patch(SimAcquirer, "_send", fresh)


@saboteur
def send_by_unchecked(patch: Patch) -> None:
    """A host that stalled sends as if no time had passed."""
    send = SandboxAcquirer.__dict__["_send"]

    async def unchecked(self: Any, path: str, message: Any, body: Any) -> Any:
        late = replace(message, send_by=self._clock.system() + 60_000)
        return await send(self, path, late, {**body, "send_by": None})

    patch(SandboxAcquirer, "_send", unchecked)


@saboteur
def cancel_not_intended(patch: Patch) -> None:
    """A cancel leaves without a word of it in our rows."""

    async def cancel(self: Any, book: int, attempt: Any) -> Any:
        return await self._acquirers[attempt.acquirer].cancel(attempt.id)

    patch(Payments, "_cancel", cancel)


@saboteur
def neither_send_by_nor_cancel(patch: Patch) -> None:
    """Both at once: each hides the other's absence at an acquirer that honours references."""
    no_cancel_by_reference(patch)
    send_by_unchecked(patch)


# Acquirers that forget, tell or say nothing, and a second one


@saboteur
def unknown_fails_over(patch: Patch) -> None:
    """A first send without an answer is taken for one that never left, where there is somebody else to send to."""
    call = Payments.__dict__["_call_first"]

    async def hasty(self: Any, attempt: Any, card: Any) -> Any:
        outcome = await call(self, attempt, card)
        elsewhere = len(self._acquirers) > 1 and attempt.operation in ("sale", "authorize")
        return NotSent("no answer") if elsewhere and isinstance(outcome, Unknown) else outcome

    patch(Payments, "_call_first", hasty)


@saboteur
def repeated_past_the_window(patch: Patch) -> None:
    """What may be repeated is repeated, whether or not the acquirer still knows the reference."""
    steps = ladder.steps

    def careless(can: Any, doubt: Any, *times: Any) -> Any:
        may = doubt.repeatable and not doubt.cancelling
        rungs = (*steps(can, doubt, *times), *([ladder.Step.REPEAT] if may else []))
        return tuple(step for step in ladder.Step if step in rungs)

    patch(ladder, "steps", careless)
    patch(ladder.Ladder, "_remembered_until", None)


@saboteur
def undone_past_the_window(patch: Patch) -> None:
    """A cancel is sent to one that may have forgotten, and believed when it finds nothing to undo."""
    steps = ladder.steps

    def careless(can: Any, doubt: Any, *times: Any) -> Any:
        may = can.cancel_by_reference and doubt.cancelable
        rungs = (*steps(can, doubt, *times), *([ladder.Step.CANCEL] if may else []))
        return tuple(step for step in ladder.Step if step in rungs)

    patch(ladder, "steps", careless)
    patch(ladder.Ladder, "_known", lambda self, for_ms=0: True)


@saboteur
def undone_is_believed_late(patch: Patch) -> None:
    """A cancel that left in time is believed, however long it took."""
    patch(ladder, "_if_known", lambda can, evidence, known: ladder.Reached(evidence))


@saboteur
def line_of_another_amount_is_believed(patch: Patch) -> None:
    """A report's line settles its message whatever amount and currency it names."""
    patch(judgement, "_differs", lambda *given: None)
    wrong_amount_is_believed(patch)


@saboteur
def unfinished_day_is_read(patch: Patch) -> None:
    """Today's report is believed today, again and again."""
    for module in (lines, report_duty):
        patch(module, "FINAL_AFTER_MS", -DAY)
    patch(report_duty, "READ_AGAIN_MS", 5_000)


@saboteur
def refund_paid_in_a_report_is_final(patch: Patch) -> None:
    """Each line of a report counts by itself, though another takes it back."""
    patch(reports, "standing", list)


@saboteur
def missing_line_is_not_done(patch: Patch) -> None:
    """What waits and is in no report is taken for never done."""
    hear = Reports.__dict__["hear"]

    async def believing(self: Any, acquirer: str, report: Any, now: Any) -> Any:
        heard = await hear(self, acquirer, report, now)
        named = {line.reference for line in report.lines}
        for book, _ in await self._merchants.books():
            for (name,) in await self._reader.fetch(_WAITING, book, acquirer):
                if name not in named:
                    told = Notification(f"missing/{name}", name, Undone("not reported"))
                    await self._inbox.take(acquirer, told, b"{}", evidence=True)
        return heard

    patch(Reports, "hear", believing)


_WAITING = """
SELECT id FROM nostro.payment_attempts
WHERE book_id = $1 AND state = 'unknown' AND awaiting IS NOT NULL AND acquirer = $2
"""


@saboteur
def signature_unchecked(patch: Patch) -> None:
    """Whoever knows the address is believed."""
    patch(sandbox_notices, "verify", lambda *given: 0)


# Settling


@saboteur
def unknown_ends_by_age(patch: Patch) -> None:
    """What is unknown for fifteen seconds is called declined."""
    for room, table in ((payment_settle.Settle, ATTEMPTS), (refund_settle.SettleRefund, REFUNDS)):
        decide = room.__dict__["decide"]

        def aged(self: Any, view: Any, decide: Any = decide, table: Any = table) -> Any:
            own = self.attempt if table is ATTEMPTS else self.refund
            old = view.system_now - own.send_by > 15_000
            if isinstance(self.evidence, Unknown) and old:
                self = replace(self, evidence=Declined("generic_decline"))
            return decide(self, view)

        patch(room, "decide", aged)


@saboteur
def any_epoch_settles(patch: Patch) -> None:
    """Whoever comes settles, even if another holds the lease by now."""
    decide = payment_settle.Settle.__dict__["decide"]

    def unfenced(self: Any, view: Any) -> Any:
        row = view.get(ATTEMPTS, self.attempt.id)
        return decide(replace(self, attempt=replace(self.attempt, epoch=row.epoch)), view)

    patch(payment_settle.Settle, "decide", unfenced)
    refund = refund_settle.SettleRefund.__dict__["decide"]

    def refund_unfenced(self: Any, view: Any) -> Any:
        row = view.get(REFUNDS, self.refund.id)
        return refund(replace(self, refund=replace(self.refund, epoch=row.epoch)), view)

    patch(refund_settle.SettleRefund, "decide", refund_unfenced)


@saboteur
def rejected_repeat_concludes(patch: Patch) -> None:
    """A repeat that was refused or not sent is believed, whatever became of the first send."""

    def believed(row: Any, evidence: Any, by_people: bool) -> Any:
        return evidence

    patch(payment_settle, "_conclusive", believed)
    patch(refund_settle, "_conclusive", believed)


@saboteur
def wrong_amount_is_believed(patch: Patch) -> None:
    """An approval of another amount counts."""
    for room in (payment_settle, refund_settle):
        patch(room, "another_amount", lambda evidence, amount, currency: None)


# Leases


@saboteur
def leases_are_ignored(patch: Patch) -> None:
    """An attempt is taken over while its holder is at work, and nobody is told: the epoch stays."""

    def grab(self: Any, view: Any) -> Decision[Any]:
        attempt = view.get(ATTEMPTS, self.attempt)
        if attempt is None or attempt.state not in LIVE:
            return Decision(None)
        taken = replace(attempt, holder=self.holder, lease_until=self.lease_until)
        return Decision(taken, [(ATTEMPTS, taken)])

    find = hosts.__dict__["due_attempts"]

    async def all_due(reader: Any, book: int, now: Any, *given: Any) -> Any:
        return await find(reader, book, now + 60_000, *given)

    patch(ClaimAttempt, "decide", grab)
    patch(hosts, "due_attempts", all_due)


@saboteur
def epoch_never_moves(patch: Patch) -> None:
    """A lease that ran out is taken over, and its old holder is not fenced."""
    decide = ClaimAttempt.__dict__["decide"]

    def unfenced(self: Any, view: Any) -> Decision[Any]:
        decision = decide(self, view)
        if decision.answer is None:
            return decision  # type: ignore[no-any-return]
        taken = replace(decision.answer, epoch=decision.answer.epoch - 1)
        return Decision(taken, [(ATTEMPTS, taken)])

    patch(ClaimAttempt, "decide", unfenced)


@saboteur
def sends_are_not_counted(patch: Patch) -> None:
    """A repeat is not written down before it leaves."""

    def uncounted(self: Any, view: Any) -> Decision[Any]:
        attempt = view.get(ATTEMPTS, self.attempt.id)
        if attempt is None or attempt.state not in LIVE or attempt.epoch != self.attempt.epoch:
            return Decision(None)
        return Decision(replace(attempt, send_by=self.send_by))

    patch(CountSend, "decide", uncounted)


# Keys, refunds, events


@saboteur
def key_not_saved(patch: Patch) -> None:
    """No row remembers a key."""
    patch(Guarded, "_claim", lambda self, view, answer: None)


@saboteur
def parameters_not_compared(patch: Patch) -> None:
    """A key is good for any parameters."""
    decide = Guarded.__dict__["decide"]

    def careless(self: Any, view: Any) -> Any:
        from nostro.idempotency.store import KEYS

        key = view.get(KEYS, self.request.id)
        if key is not None:
            self.request = replace(self.request, fingerprint=key.fingerprint)
        return decide(self, view)

    patch(Guarded, "decide", careless)


@saboteur
def reserved_refunds_unchecked(patch: Patch) -> None:
    """What other refunds reserve is refunded again."""

    def left(charge: Any) -> int:
        return int(charge.amount_captured - charge.amount_refunded)

    patch(refusals, "left", left)
    patch(refund_commands, "left", left)


@saboteur
def cursor_before_failures(patch: Patch) -> None:
    """An endpoint's cursor moves on without a row for what failed."""

    async def forget(self: Any, *given: Any) -> None:
        return None

    patch(Deliveries, "_record", forget)
