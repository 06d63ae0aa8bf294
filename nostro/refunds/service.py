"""Refunds in three paragraphs: intend, call, settle. The same for the API and for the worker that finishes.

No transaction is open while the acquirer is called. What a crash leaves behind, or an acquirer decides later,
`resolve` goes on with.
"""

from __future__ import annotations

from collections.abc import Callable

from nostro.idempotency.commands import Guarded
from nostro.kernel.answer import Answer, Proceed, Refusal
from nostro.kernel.capabilities import NOBODY, Capabilities
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Command
from nostro.kernel.errors import CommitUnknown, Unavailable
from nostro.kernel.outcome import Evidence, NotSent, Outcome, as_stated
from nostro.kernel.ports import Acquirer, Clock, Decider, Entropy, PaymentMessage, Reader
from nostro.kernel.table import text_array
from nostro.payments.ladder import Awaiting, Doubt, Ladder
from nostro.payments.model import Charge
from nostro.payments.service import Merchant, Reply
from nostro.payments.settle import Settled
from nostro.payments.store import CHARGES, INTENTS
from nostro.payments.timing import Timing
from nostro.refunds.claim import REPEATABLE, ClaimRefund, CountRefundSend, FundRefund
from nostro.refunds.commands import (
    CancelRefund,
    CreateRefund,
    RefundRequest,
    SendingRefund,
    UpdateRefund,
)
from nostro.refunds.funding import Dispatch
from nostro.refunds.machine import RefundState
from nostro.refunds.model import Refund
from nostro.refunds.settle import SettleRefund


class Refunds:
    """The service of refunds."""

    def __init__(
        self,
        decider: Callable[[int], Decider],
        reader: Reader,
        acquirers: dict[str, Acquirer],
        clock: Clock,
        entropy: Entropy,
        instance: str,
        timing: Timing | None = None,
    ) -> None:
        self._decider, self._reader, self._acquirers = decider, reader, acquirers
        self._clock, self._entropy = clock, entropy
        self.instance, self.timing = instance, timing or Timing()

    # What merchants ask

    async def create(self, merchant: Merchant, asked: RefundRequest) -> Reply:
        """Refund a charge, or the charge of an intent: all that is left of it, or a part."""
        command = CreateRefund(
            merchant.book, self._seed(), merchant.origin, asked, await self._found(merchant, asked),
            self._dispatch(merchant),
        )  # fmt: skip
        answer = await self._intend(merchant, command)
        if not isinstance(answer, Proceed):
            return answer
        assert isinstance(answer, SendingRefund)
        outcome = await self._call(answer.row)
        try:
            settled = await self.settle(merchant, answer.row, answer.charge, outcome)
        except Unavailable as unavailable:
            raise CommitUnknown("sent, and not settled yet: the worker will") from unavailable
        return settled.answer

    async def update_metadata(
        self, merchant: Merchant, refund: str, metadata: dict[str, str] | None
    ) -> Reply:
        """Merge metadata; an empty value deletes its key, None clears all."""
        command = UpdateRefund(merchant.book, self._seed(), merchant.origin, refund, metadata)
        return _decided(await self._intend(merchant, command))

    async def cancel(self, merchant: Merchant, refund: str) -> Reply:
        """Refused: only refunds that wait for their customer can be cancelled."""
        command = CancelRefund(merchant.book, self._seed(), merchant.origin, refund)
        return _decided(await self._intend(merchant, command))

    # Intend, call, settle

    async def _intend(
        self, merchant: Merchant, command: Command[Answer | Refusal | Proceed]
    ) -> Reply | Proceed:
        decider = self._decider(merchant.book)
        if merchant.request is None:
            return await decider.run(command)
        return await decider.run(Guarded(command, merchant.request))

    async def _call(self, refund: Refund) -> Outcome:
        message = PaymentMessage(
            refund.id, refund.amount, refund.currency, refund.account, refund.send_by,
            refund.original,
        )  # fmt: skip
        acquirer = self._acquirers.get(refund.acquirer)
        if acquirer is None:
            return NotSent(f"settings name no acquirer {refund.acquirer}")
        return await acquirer.refund(message)

    async def settle(
        self,
        merchant: Merchant,
        refund: Refund,
        charge: Charge,
        evidence: Evidence,
        awaiting: Awaiting | None = None,
    ) -> Settled:
        """Make an outcome durable: state, ledger, events and the saved answer, once."""
        command = self.settling(merchant, refund, charge, evidence, awaiting)
        return await self._decider(merchant.book).run(command)

    def settling(
        self,
        merchant: Merchant,
        refund: Refund,
        charge: Charge,
        evidence: Evidence,
        awaiting: Awaiting | None = None,
        *,
        by_people: bool = False,
    ) -> SettleRefund:
        """The command that settles a refund by evidence."""
        evidence = as_stated(evidence)
        waits = self._ladder(refund).queue
        in_doubt = refund.state in REPEATABLE
        longest = self.timing.retry_longest_ms if in_doubt else self.timing.poll_longest_ms
        return SettleRefund(
            merchant.book, self._seed(), merchant.origin, refund, charge, evidence,
            self._retry_at(refund.first_sent, longest) if waits is None else self._much_later(),
            waits or awaiting, by_people,
        )  # fmt: skip

    # What the worker finishes

    async def resolve(self, merchant: Merchant, refund_id: str) -> Settled | None:
        """Take over a refund whose lease is over: send it if it waited for money, else settle it by evidence."""
        claim = ClaimRefund(merchant.book, self._seed(), refund_id, self.instance, self._lease())
        refund = await self._decider(merchant.book).run(claim)
        if refund is None:
            return None
        charge = await self._charge(merchant.book, refund.charge)
        assert charge is not None, "a refund has its charge"
        if refund.state is RefundState.WAITING:
            return await self._fund(merchant, refund, charge)
        reached = await self._ladder(refund).climb(
            lambda: self._acquirers[refund.acquirer].inquire(refund.id),
            lambda: self._repeat(merchant.book, refund),
            lambda: self._acquirers[refund.acquirer].cancel(refund.id),
        )
        return await self.settle(merchant, refund, charge, reached.evidence, reached.awaiting)

    async def _fund(self, merchant: Merchant, refund: Refund, charge: Charge) -> Settled | None:
        dispatch = self._dispatch(merchant, waiting_since=refund.send_by)
        command = FundRefund(merchant.book, self._seed(), merchant.origin, refund, charge, dispatch)
        funded = await self._decider(merchant.book).run(command)
        if funded is None:
            return None
        return await self.settle(merchant, funded, charge, await self._call(funded))

    async def _repeat(self, book: int, refund: Refund) -> Evidence | None:
        """Once more under the same reference; None if nothing may leave of it by now."""
        count = CountRefundSend(book, self._seed(), refund, self._ladder(refund).repeat_by())
        counted = await self._decider(book).run(count)
        return None if counted is None else await self._call(counted)

    def _ladder(self, refund: Refund) -> Ladder:
        return Ladder(self._can(refund), _doubt(refund), self._clock, self.timing)

    def _can(self, refund: Refund) -> Capabilities:
        found = self._acquirers.get(refund.acquirer)
        return found.capabilities if found else NOBODY

    # Small parts

    async def _found(self, merchant: Merchant, asked: RefundRequest) -> Charge | None:
        """The charge that is meant, read without locks; the decision looks again."""
        charge = asked.charge
        if asked.intent is not None:
            rows = await self._reader.fetch(INTENTS.read, merchant.book, text_array([asked.intent]))
            charge = INTENTS.decode(rows[0]).latest_charge if rows else None
        return None if charge is None else await self._charge(merchant.book, charge)

    async def _charge(self, book: int, charge: str) -> Charge | None:
        rows = await self._reader.fetch(CHARGES.read, book, text_array([charge]))
        return CHARGES.decode(rows[0]) if rows else None

    def _dispatch(self, merchant: Merchant, waiting_since: SystemTime | None = None) -> Dispatch:
        now = self._now()
        return Dispatch(
            self.instance, SystemTime(now + self.timing.send_ms), self._lease(),
            self._retry_at(
                waiting_since if waiting_since is not None else now, self.timing.poll_longest_ms
            ),
            merchant.request.id if merchant.request else None,
        )  # fmt: skip

    def _now(self) -> SystemTime:
        return self._clock.system()

    def _lease(self) -> SystemTime:
        return SystemTime(self._now() + self.timing.call_ms + self.timing.settle_ms)

    def _retry_at(self, since: SystemTime, longest_ms: int) -> SystemTime:
        """Back off with age: neither a silent acquirer nor an empty balance is asked ever faster."""
        age = max(0, self._now() - since)
        wait = min(longest_ms, max(self.timing.retry_ms, age // 2))
        return SystemTime(self._now() + wait)

    def _much_later(self) -> SystemTime:
        return SystemTime(self._now() + self.timing.waiting_ms)

    def _seed(self) -> bytes:
        return self._entropy.bytes(16)


def _doubt(refund: Refund) -> Doubt:
    """What the acquirer has acknowledged is never sent again, and never cancelled; nor what it said the unbelievable of.

    What waits in a queue is too old.
    """
    may_send = refund.state in REPEATABLE and not refund.contradicted
    age_known = refund.age_known and refund.awaiting is None
    return Doubt(refund.id, refund.first_sent, may_send, may_send, age_known=age_known)


def _decided(reply: Reply | Proceed) -> Reply:
    assert not isinstance(reply, Proceed), "nothing is sent for this"
    return reply
