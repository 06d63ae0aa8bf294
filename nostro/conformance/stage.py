"""Where one case is played: an adapter of its own, behind a proxy of its own, before the suite's processor."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any

from nostro.conformance.calls import MONEY, Call, Raised, Result, Step, misstated, shown
from nostro.conformance.evidence import Evidence
from nostro.conformance.exchange import Fault, no_fault
from nostro.conformance.guard import GivenUp, guarded
from nostro.conformance.proxy import Proxy, ProxyThread
from nostro.conformance.subject import Connector, Processor, Subject
from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import Approved
from nostro.kernel.ports import CardDetails, Clock, PaymentMessage

AMOUNT = 271_828  # unmistakable among the digits of a reply
MERCHANT = "acct_conformance"
SEND_MS = 5_000  # how long a message may wait to be written, unless a scenario says otherwise
LONG_MS = 5_000  # a deadline that a busy machine keeps
SLACK_MS = 1_000  # what a busy machine may add to a deadline
_GUARD_SECONDS = 5.0  # a call that takes longer is given up, so that a suite ends
_CLOSE_SECONDS = 2.0
_AFTERMATH_SECONDS = 0.02
_numbers = itertools.count(1)


class CannotPrepare(Exception):
    """Without any fault, what a case begins with did not come about."""


class Skip(Exception):
    """A case that does not apply, and the sentence why."""


class Stage:
    """One case: its calls, and every sentence that says what was wrong."""

    def __init__(
        self, subject: Subject, processor: Processor, proxy: Proxy, clock: Clock, call_ms: int,
        evidence: Evidence, proxies: ProxyThread,
    ) -> None:  # fmt: skip
        self.subject, self.processor, self.proxy, self.clock = subject, processor, proxy, clock
        self.call_ms, self._evidence, self.proxies = call_ms, evidence, proxies
        self.adapter: Connector = subject.adapter(proxy.url, clock, call_ms)
        # What a case begins with should not fail because a machine is busy.
        self._calm = (
            subject.adapter(proxy.url, clock, LONG_MS) if call_ms < LONG_MS else self.adapter
        )
        self.checks, self.failures = 0, list[str]()
        self.skipped: str | None = None

    # What a scenario says

    def expect(self, holds: bool, sentence: str) -> None:
        """Note a failure, unless it holds."""
        self.checks += 1
        if not holds:
            self.failures.append(sentence)

    def expect_result(self, call: Call, *allowed: type) -> None:
        """It came back as one of these."""
        names = " or ".join(kind.__name__ for kind in allowed)
        self.expect(
            isinstance(call.result, allowed),
            f"{call.step}: {shown(call.result)}, where only {names} is right",
        )

    def expect_messages(self, call: Call, count: int) -> None:
        """The processor got so many messages."""
        self.expect(
            call.forwarded == count,
            f"{call.step}: the processor got {call.forwarded} messages, not {count}",
        )

    def expect_approved(self, call: Call, amount: int = AMOUNT) -> None:
        """Approved, for what was asked."""
        self.expect_result(call, Approved)
        if isinstance(call.result, Approved) and call.step is not Step.VOID:
            told = (call.result.amount, call.result.currency)
            asked = (amount, self.subject.currency)
            self.expect(told == asked, f"{call.step}: {told} was approved, {asked} was asked")

    # What a scenario does

    def reference(self) -> str:
        """A new one, of letters and digits."""
        return f"cf{self.clock.system():x}n{next(_numbers)}"

    def message(self, **changes: Any) -> PaymentMessage:
        """A message under a new reference."""
        given: dict[str, Any] = {
            "reference": self.reference(),
            "amount": AMOUNT,
            "currency": self.subject.currency,
            "merchant": MERCHANT,
            "send_by": SystemTime(self.clock.system() + SEND_MS),
        }
        return PaymentMessage(**given | changes)

    async def prepare(self, step: Step) -> PaymentMessage:
        """The message of a step, after what has to come before it: an authorization for a capture, and so on.

        Of an inquiry or a cancel only the reference counts: that of a sale or an authorization that was approved.
        """
        match step:
            case Step.CAPTURE | Step.VOID:
                return self.message(original=await self.approved(Step.AUTHORIZE))
            case Step.REFUND:
                return self.message(original=await self.approved(Step.SALE))
            case Step.INQUIRE | Step.CANCEL:
                return self.message(reference=await self.approved(Step.SALE))
            case _:
                return self.message()

    async def approved(self, step: Step) -> str:
        """The reference of one that was approved. Raises CannotPrepare."""
        message = self.message()
        result = await self._result(self._asked(self._calm, step, message))
        await self.proxies.run(self.proxy.catch_up())
        if not isinstance(result, Approved):
            raise CannotPrepare(f"without any fault, {step} was {shown(result)}")
        return message.reference

    async def call(
        self, step: Step, message: PaymentMessage, fault: Fault = no_fault,
        card: CardDetails | None = None,
    ) -> Call:  # fmt: skip
        """Call the adapter under a fault. What holds of every call is checked here."""
        before, loop = len(self.proxy.requests), asyncio.get_running_loop()
        self.proxy.fault = fault
        began = loop.time()
        result = await self._result(self._asked(self.adapter, step, message, card))
        took = (loop.time() - began) * 1_000
        await self.proxies.run(self.proxy.catch_up())
        self.proxy.fault = no_fault
        call = Call(step, message.reference, result, self.proxy.requests[before:], took)
        self._check(call)
        return call

    async def aftermath(self) -> None:
        """Nothing is written once a call has returned."""
        written = len(self.proxy.requests)
        await asyncio.sleep(_AFTERMATH_SECONDS)
        late = len(self.proxy.requests) - written
        self.expect(late == 0, f"{late} requests were written after the calls had returned")
        self._evidence.heads(request.raw for request in self.proxy.requests)
        self._evidence.text(repr(self.adapter))

    async def close(self) -> None:
        """Close the adapters, if they can be."""
        calm = [] if self._calm is self.adapter else [self._calm]
        for adapter in [self.adapter, *calm]:
            if not self._evidence.enough:
                await self._close(adapter)

    async def _close(self, adapter: Connector) -> None:
        result = await guarded(_closed(adapter), _CLOSE_SECONDS)
        if isinstance(result, BaseException):
            self._evidence.error(result)
            self._evidence.given_up += isinstance(result, GivenUp)
            self.expect(False, f"close: raised {type(result).__name__}")

    async def _asked(
        self, adapter: Connector, step: Step, message: PaymentMessage,
        card: CardDetails | None = None,
    ) -> Any:  # fmt: skip
        card = card or self.subject.cards.approved
        match step:
            case Step.SALE:
                return await adapter.sale(message, card)
            case Step.AUTHORIZE:
                return await adapter.authorize(message, card)
            case Step.CAPTURE:
                return await adapter.capture(message)
            case Step.VOID:
                return await adapter.void(message)
            case Step.REFUND:
                return await adapter.refund(message)
            case Step.INQUIRE:
                return await adapter.inquire(message.reference)
            case Step.CANCEL:
                return await adapter.cancel(message.reference)

    async def _result(self, asked: Awaitable[Result]) -> Result:
        result = await guarded(asked, self._limit_ms / 1_000 + _GUARD_SECONDS)
        if isinstance(result, BaseException):
            self._evidence.error(result)
            self._evidence.given_up += isinstance(result, GivenUp)
            return Raised(type(result).__name__, str(result))
        self._evidence.text(repr(result))
        return result

    def _check(self, call: Call) -> None:
        written = len(call.requests)
        self.expect(written <= 1, f"{call.step}: {written} requests were written for one call")
        self.expect(not isinstance(call.result, Raised), f"{call.step}: {_unlawful(call.result)}")
        wrong = misstated(call.result)
        self.expect(wrong is None, f"{call.step}: {shown(call.result)}, {wrong}")
        if isinstance(call.result, Approved) and call.step in MONEY:
            first = self._evidence.named(call.step, call.result.acquirer_reference, call.reference)
            self.expect(
                first == call.reference,
                f"{call.step}: two of them were approved under one reference of the processor's own",
            )
        self.expect(
            call.milliseconds <= self._limit_ms,
            f"{call.step}: took {call.milliseconds:.0f} ms, with a deadline of {self.call_ms} ms",
        )

    @property
    def _limit_ms(self) -> int:
        # Connecting may take as long as a call, and a call that long again.
        return 2 * self.call_ms + SLACK_MS


def _unlawful(result: Result) -> str:
    if isinstance(result, Raised) and result.error == GivenUp.__name__:
        return "it never came back, and was given up"
    return f"{shown(result)}, and an adapter never raises for what a network did"


async def _closed(adapter: Connector) -> None:
    close = getattr(adapter, "close", None)
    if close is not None:
        await close()
