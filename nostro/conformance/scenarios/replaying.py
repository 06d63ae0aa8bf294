"""Replay: the same message under the same reference acts once and is answered alike."""

from __future__ import annotations

from nostro.conformance import faults
from nostro.conformance.calls import MONEY, Step
from nostro.conformance.scenario import Scenario
from nostro.conformance.stage import AMOUNT, Stage
from nostro.kernel.outcome import Approved, Declined, Rejected, Unknown

_CLAIM = "replay"
_ONCE = "a replay is how a lost message is sent again without being done again"


async def _answers_alike(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    first, again = await stage.call(step, message), await stage.call(step, message)
    stage.expect_approved(again)
    if isinstance(first.result, Approved) and isinstance(again.result, Approved):
        same = first.result.acquirer_reference == again.result.acquirer_reference
        stage.expect(same, f"{step}: the replay has another acquirer_reference")
    await _acted_once(stage, step, message.reference)


async def _after_a_loss(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.call(step, message, faults.reply_lost)
    stage.expect_approved(await stage.call(step, message))
    await _acted_once(stage, step, message.reference)


async def _declines_again(stage: Stage, step: Step) -> None:
    message = stage.message()
    for _ in range(2):
        call = await stage.call(step, message, card=stage.subject.cards.declined)
        stage.expect_result(call, Declined)


async def _other_amount(stage: Stage, step: Step) -> None:
    first = stage.message()
    await stage.call(step, first)
    other = stage.message(reference=first.reference, amount=AMOUNT + 1)
    stage.expect_result(await stage.call(step, other), Rejected, Declined, Unknown)
    await _acted_once(stage, step, first.reference)


async def _acted_once(stage: Stage, step: Step, reference: str) -> None:
    acted = await stage.processor.acted(reference)
    stage.expect(acted == 1, f"{step}: the processor acted {acted} times under one reference")


SCENARIOS = (
    Scenario(
        name="a replay is answered alike", case=_answers_alike, steps=MONEY, claim=_CLAIM, why=_ONCE,
    ),
    Scenario(
        name="a replay after a lost reply", case=_after_a_loss, steps=MONEY, claim=_CLAIM, why=_ONCE,
    ),
    Scenario(
        name="a decline is declined again", case=_declines_again, claim=_CLAIM, why=_ONCE,
        steps=MONEY[:2],
    ),
    Scenario(
        name="a reference used for something else", case=_other_amount, claim=_CLAIM,
        steps=MONEY[:2], why="an answer about the first must not pass for one about the second",
    ),
)  # fmt: skip
