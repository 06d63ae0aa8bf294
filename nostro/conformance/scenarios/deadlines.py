"""Time: a call ends by its deadline, nothing is written after `send_by`, and nobody else has to wait."""

from __future__ import annotations

import asyncio

from nostro.conformance import faults
from nostro.conformance.calls import MONEY, Step
from nostro.conformance.proxy import Proxy
from nostro.conformance.scenario import EVERY_STEP, Scenario
from nostro.conformance.stage import Skip, Stage
from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import NotSent, Unknown

_SEND_MS = 300
_HELD_SECONDS = 0.5  # a connection that was kept waiting then opens after a second (RFC 6298, 2.1)
_PATIENCE_SECONDS = 4.0
_TICK_SECONDS = 0.01
_BLOCKED_MS, _GAP_SECONDS = 1_000, 0.7
_DEADLINE = "behind each call somebody waits, and a lease runs out"
_LATE = "after send_by somebody else may have been told that it was never sent"


async def _silence(stage: Stage, step: Step) -> None:
    call = await stage.call(step, await stage.prepare(step), faults.silence(stage.call_ms))
    stage.expect_result(call, Unknown)


async def _drip(stage: Stage, step: Step) -> None:
    call = await stage.call(step, await stage.prepare(step), faults.drip(stage.call_ms))
    stage.expect_result(call, Unknown)


async def _never_connects(stage: Stage, step: Step) -> None:
    await _hold(stage)
    message = stage.message(
        original=stage.reference(), send_by=SystemTime(stage.clock.system() + _SEND_MS)
    )
    opened = asyncio.create_task(_open_later(stage, _PATIENCE_SECONDS))
    call = await stage.call(step, message)
    stage.expect_result(call, NotSent if step in MONEY else Unknown)
    opened.cancel()


async def _too_late(stage: Stage, step: Step) -> None:
    prepared = await stage.prepare(step)
    message = stage.message(
        original=prepared.original, send_by=SystemTime(stage.clock.system() - 1)
    )
    call = await stage.call(step, message)
    stage.expect_result(call, NotSent)
    stage.expect(not call.requests, f"{step}: it was written although send_by was over")


async def _late_while_connecting(stage: Stage, step: Step) -> None:
    await _hold(stage)
    send_by = SystemTime(stage.clock.system() + _SEND_MS)
    message = stage.message(original=stage.reference(), send_by=send_by)
    opened = asyncio.create_task(_open_later(stage, _HELD_SECONDS))
    call = await stage.call(step, message)
    stage.expect_result(call, NotSent)
    stage.expect(not call.requests, f"{step}: it was written although send_by had passed meanwhile")
    await opened


async def _others_go_on(stage: Stage, step: Step) -> None:
    message, loop = await stage.prepare(step), asyncio.get_running_loop()
    asked = asyncio.create_task(stage.call(step, message, faults.silence(stage.call_ms)))
    longest, last = 0.0, loop.time()
    while not asked.done():
        await asyncio.sleep(_TICK_SECONDS)
        longest, last = max(longest, loop.time() - last), loop.time()
    blocked = longest > _GAP_SECONDS
    stage.expect(not blocked, f"{step}: nothing else ran for {longest * 1_000:.0f} ms")


async def _nothing(proxy: Proxy) -> None:
    """The door is opened by the case."""


async def _hold(stage: Stage) -> None:
    if not await stage.proxies.run(stage.proxy.hold(0.05)):
        raise Skip("on this machine a connection attempt cannot be kept waiting")


async def _open_later(stage: Stage, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await stage.proxies.run(stage.proxy.listen())


SCENARIOS = (
    Scenario(name="silence past the deadline", case=_silence, hurried=True, steps=EVERY_STEP, why=_DEADLINE),
    Scenario(name="a reply byte by byte", case=_drip, hurried=True, steps=EVERY_STEP, why=_DEADLINE),
    Scenario(
        name="connecting takes for ever", case=_never_connects, hurried=True, opens=_nothing, why=_DEADLINE,
        steps=(Step.SALE, Step.INQUIRE, Step.CANCEL),
    ),
    Scenario(name="send_by is over", case=_too_late, steps=MONEY, why=_LATE),
    Scenario(
        name="send_by passes while connecting", case=_late_while_connecting, opens=_nothing,
        steps=(Step.SALE, Step.REFUND), why=_LATE,
    ),
    Scenario(
        name="others go on meanwhile", case=_others_go_on, call_ms=_BLOCKED_MS, steps=EVERY_STEP,
        why="an adapter that blocks the event loop stops every payment of its process",
    ),
)  # fmt: skip
