"""Inquiry: it finds what was done, and what it does not find it does not conclude."""

from __future__ import annotations

from nostro.conformance import faults
from nostro.conformance.calls import MONEY, Call, Step
from nostro.conformance.scenario import Scenario
from nostro.conformance.stage import Skip, Stage
from nostro.kernel.outcome import Approved, Declined, NotFound, Pending, Unknown

_CLAIM = "inquiry"


async def _finds_what_was_done(stage: Stage, step: Step) -> None:
    message = await stage.prepare(step)
    await stage.call(step, message, faults.reply_lost)
    found = await stage.call(Step.INQUIRE, message)
    stage.expect_result(found, Approved, Pending)
    if isinstance(found.result, Approved):
        stage.expect_approved(found)


async def _finds_a_decline(stage: Stage, step: Step) -> None:
    message = stage.message()
    await stage.call(step, message, faults.reply_lost, stage.subject.cards.declined)
    stage.expect_result(await stage.call(Step.INQUIRE, message), Declined)


async def _finds_nothing(stage: Stage, step: Step) -> None:
    message = stage.message()
    call = await stage.call(Step.INQUIRE, message)
    stage.expect_result(call, NotFound)
    stage.expect_messages(call, 1)


async def _changes_nothing(stage: Stage, step: Step) -> None:
    message = stage.message()
    await stage.call(Step.INQUIRE, message)
    stage.expect_result(await stage.call(step, message), Approved)
    for _ in range(2):
        await stage.call(Step.INQUIRE, message)
    acted = await stage.processor.acted(message.reference)
    stage.expect(acted == 1, f"{step}: after inquiries it was done {acted} times")


async def _another_is_not_found(stage: Stage, step: Step) -> None:
    other = await stage.call(Step.INQUIRE, stage.message())
    await _answered_for_another(stage, other)


async def _another_is_undone(stage: Stage, step: Step) -> None:
    message = stage.message()
    await stage.call(Step.CANCEL, message)
    other = await stage.call(Step.INQUIRE, message)
    await _answered_for_another(stage, other)


async def _answered_for_another(stage: Stage, other: Call) -> None:
    reply = other.requests[-1].reply if other.requests else None
    if reply is None or other.reference.encode() not in reply.body:
        raise Skip("the replies name no reference")
    message = await stage.prepare(Step.INQUIRE)
    call = await stage.call(Step.INQUIRE, message, faults.reply_of(reply))
    stage.expect_result(call, Unknown)


_OTHER = "the answer is about another reference; of this one nothing is known"
SCENARIOS = (
    Scenario(
        name="an inquiry finds what was done", case=_finds_what_was_done, steps=MONEY, claim=_CLAIM,
        why="this is how an unknown outcome becomes known",
    ),
    Scenario(
        name="an inquiry finds a decline", case=_finds_a_decline, claim=_CLAIM,
        why="the customer may try another card",
    ),
    Scenario(
        name="not found concludes nothing", case=_finds_nothing, claim=_CLAIM,
        why="the message may still be on its way: NotFound is neither a decline nor NotSent",
    ),
    Scenario(
        name="another reference is not found", case=_another_is_not_found, claim=_CLAIM, why=_OTHER,
    ),
    Scenario(
        name="another reference is undone", case=_another_is_undone, claim=_CLAIM, why=_OTHER,
        steps=(Step.CANCEL,),
    ),
    Scenario(
        name="an inquiry changes nothing", case=_changes_nothing, claim=_CLAIM,
        why="it is asked again and again, and before a replay",
    ),
)  # fmt: skip
