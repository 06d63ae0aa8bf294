"""Cancel by our reference: no payment stands, and a late original is refused for ever."""

from __future__ import annotations

from nostro.conformance.calls import Step
from nostro.conformance.scenario import Scenario
from nostro.conformance.stage import Stage
from nostro.kernel.outcome import Approved, Declined, NotFound, Rejected, Undone, Unknown

_CLAIM = "cancel_by_reference"
_SENDS_CARD = (Step.SALE, Step.AUTHORIZE)
_UNDO = "this is how a message of which nothing is found is kept from ever counting"


async def _undoes(stage: Stage, step: Step) -> None:
    message = stage.message(reference=await stage.approved(step))
    for _ in range(2):
        stage.expect_result(await stage.call(Step.CANCEL, message), Undone)
    acted = await stage.processor.acted(message.reference)
    stage.expect(acted == 0, f"{step}: it still stands in the processor's book")
    await _stays_undone(stage, step, message.reference)


async def _tombstone(stage: Stage, step: Step) -> None:
    message = stage.message()
    stage.expect_result(await stage.call(Step.CANCEL, message), Undone)
    stage.expect_result(await stage.call(step, message), Rejected, Declined)
    acted = await stage.processor.acted(message.reference)
    stage.expect(acted == 0, f"{step}: the late original was done")
    await _stays_undone(stage, step, message.reference)


async def _leaves_done(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.call(step, message)
    stage.expect_result(await stage.call(Step.CANCEL, message), Unknown, Approved)
    acted = await stage.processor.acted(message.reference)
    stage.expect(acted == 1, f"{step}: in the processor's book it counts {acted} times")


async def _stays_undone(stage: Stage, step: Step, reference: str) -> None:
    if stage.adapter.capabilities.inquiry:
        found = await stage.call(Step.INQUIRE, stage.message(reference=reference))
        stage.expect_result(found, Undone, NotFound)


SCENARIOS = (
    Scenario(
        name="a cancel undoes what was done", case=_undoes, steps=_SENDS_CARD, claim=_CLAIM, why=_UNDO,
    ),
    Scenario(
        name="a cancel refuses the late original", case=_tombstone, steps=_SENDS_CARD, claim=_CLAIM,
        why=_UNDO,
    ),
    Scenario(
        name="a cancel leaves done what follows an authorization", case=_leaves_done, claim=_CLAIM,
        steps=(Step.CAPTURE, Step.VOID, Step.REFUND),
        why="a cancel may arrive after a repeat was executed, and counted as done",
    ),
)  # fmt: skip
