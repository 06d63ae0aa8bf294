"""Cancel by our reference: nothing stands, and a late original is refused for ever."""

from __future__ import annotations

from nostro.conformance.calls import Step, shown
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


async def _too_late_to_undo(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.call(step, message)
    call = await stage.call(Step.CANCEL, message)
    stage.expect_result(call, Undone, Unknown, Approved)
    acted = await stage.processor.acted(message.reference)
    undone = isinstance(call.result, Undone)
    stage.expect(
        acted == (0 if undone else 1),
        f"{step}: {shown(call.result)}, and in the processor's book it counts {acted} times",
    )


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
        name="a cancel that is not possible", case=_too_late_to_undo, claim=_CLAIM,
        steps=(Step.CAPTURE, Step.REFUND),
        why="Undone says that nothing stands: it is not said of what stands",
    ),
)  # fmt: skip
