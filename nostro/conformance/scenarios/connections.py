"""Connections that are refused, stale, shared or polluted: nothing is sent twice, and no answer goes astray."""

from __future__ import annotations

import asyncio

from nostro.conformance import faults
from nostro.conformance.calls import MONEY, Call, Step
from nostro.conformance.exchange import Fault
from nostro.conformance.guard import caught, guarded
from nostro.conformance.proxy import Proxy
from nostro.conformance.scenario import EVERY_STEP, Case, Scenario
from nostro.conformance.stage import AMOUNT, LONG_MS, Stage
from nostro.kernel.outcome import Approved, Declined, NotSent, Undone, Unknown

_AT_ONCE = 8
_POLLS = 200
_ASTRAY = "an answer of an earlier call must never become that of a later one"


async def _refusing(proxy: Proxy) -> None:
    """Nobody listens."""


async def _refused(stage: Stage, step: Step) -> None:
    call = await stage.call(step, stage.message(original=stage.reference()))
    # Of an inquiry or a cancel NotSent would be taken for what became of the operation itself.
    stage.expect_result(call, NotSent if step in MONEY else Unknown)


async def _over_tls(stage: Stage, step: Step) -> None:
    """Over TLS, with whoever answers at the proxy's door: nothing of the message may leave."""
    url = stage.proxy.url.replace("http://", "https://")
    stage.adapter = stage.subject.adapter(url, stage.clock, stage.call_ms)
    call = await stage.call(step, stage.message(original=stage.reference()))
    stage.expect_result(call, NotSent if step in MONEY else Unknown)
    told = any(call.reference.encode() in request.raw for request in call.requests)
    stage.expect(not told, f"{step}: the message was sent to whoever it was")


async def _hangs_up(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    stage.proxy.hangs_up = True
    call = await stage.call(step, message, faults.stale)
    stage.expect_result(call, *((NotSent, Unknown) if step in MONEY else (Unknown,)))
    stage.expect_messages(call, 0)


async def _stale(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.approved(Step.SALE)  # a connection that was used is idle now
    call = await stage.call(step, message, faults.stale)
    # Who opens a connection for each call meets no stale one.
    stage.expect_result(call, *((Unknown,) if not call.forwarded else (Unknown, Approved, Undone)))


async def _closed_while_idle(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.call(Step.SALE, stage.message(), faults.closes_after_reply)
    call = await stage.call(step, message)
    stage.expect_result(
        call, *((Approved, NotSent, Unknown) if step in MONEY else (Approved, Undone, Unknown))
    )


def _then_a_decline(first: Fault | None, *allowed: type) -> Case:
    """After a call under a fault, a call that is declined: an answer of the first would be seen."""

    async def case(stage: Stage, step: Step) -> None:
        fault = first or faults.late(stage.call_ms)
        stage.expect_result(await stage.call(step, stage.message(), fault), *allowed)
        await _declined(stage, step)

    return case


async def _declined(stage: Stage, step: Step) -> Call:
    call = await stage.call(step, stage.message(), card=stage.subject.cards.declined)
    stage.expect_result(call, Declined, Unknown)
    return call


async def _abandoned(stage: Stage, step: Step) -> None:
    stage.proxy.fault = faults.late(0)
    message = stage.message()
    asked = asyncio.create_task(caught(stage.adapter.sale(message, stage.subject.cards.approved)))
    for _ in range(_POLLS):
        if stage.proxy.requests:
            break
        await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.wait([asked], timeout=1)
    ended = asked.done() and isinstance(asked.result(), asyncio.CancelledError)
    stage.expect(ended, f"{step}: a call that is cancelled goes on, or ends otherwise")
    await _declined(stage, step)


async def _at_once(stage: Stage, step: Step) -> None:
    cards = (stage.subject.cards.approved, stage.subject.cards.declined)
    messages = [stage.message(amount=AMOUNT + number) for number in range(_AT_ONCE)]
    results = await asyncio.gather(
        *(
            guarded(stage.adapter.sale(message, cards[n % 2]), LONG_MS / 1_000)
            for n, message in enumerate(messages)
        )
    )
    for number, (message, result) in enumerate(zip(messages, results, strict=True)):
        right = Declined if number % 2 else Approved
        stage.expect(
            isinstance(result, right),
            f"{step}: one of many is {type(result).__name__}, not {right.__name__}",
        )
        if isinstance(result, Approved):
            stage.expect(
                result.amount == message.amount, f"{step}: one of many got another's answer"
            )
    sent = len(stage.proxy.requests)
    stage.expect(sent == _AT_ONCE, f"{step}: {sent} requests were written for {_AT_ONCE} calls")


_ONE = "what was written once may have been acted on: it is not written again"
SCENARIOS = (
    Scenario(
        name="the connection is refused", case=_refused, steps=EVERY_STEP, opens=_refusing,
        why="NotSent frees a payment for another attempt; it is right where nothing left us",
    ),
    Scenario(
        name="a TLS handshake that fails", case=_over_tls, steps=EVERY_STEP,
        why="before the handshake is over nothing of a message has left us",
    ),
    Scenario(
        name="an impostor's certificate", case=_over_tls, steps=EVERY_STEP, opens=Proxy.impersonate,
        why="a card number goes to the processor, and to nobody who only has its address",
    ),
    Scenario(
        name="accepted and closed", case=_hangs_up, steps=EVERY_STEP,
        why="a connection that dies is no answer",
    ),
    Scenario(name="a stale connection", case=_stale, steps=EVERY_STEP, why=_ONE),
    Scenario(name="closed while idle", case=_closed_while_idle, steps=EVERY_STEP, why=_ONE),
    Scenario(name="the reply comes twice", case=_then_a_decline(faults.twice, Approved), why=_ASTRAY),
    Scenario(
        name="the reply comes with half another", why=_ASTRAY,
        case=_then_a_decline(faults.twice_and_a_half, Approved, Unknown),
    ),
    Scenario(
        name="the reply comes too late", case=_then_a_decline(None, Unknown), hurried=True,
        why=_ASTRAY,
    ),
    Scenario(name="a call is abandoned", case=_abandoned, why=_ASTRAY),
    Scenario(name="many calls at once", case=_at_once, why=_ASTRAY),
)  # fmt: skip
