"""References: ours, of the stated letters and length, sent as they are."""

from __future__ import annotations

from itertools import cycle, islice

from nostro.conformance.calls import MONEY, Step
from nostro.conformance.scenario import EVERY_STEP, Scenario
from nostro.conformance.stage import Stage
from nostro.kernel.ids import ALPHABET, BODY_LENGTH
from nostro.kernel.outcome import Approved

_OURS = BODY_LENGTH + len("att_")
_RESOLVES = "evidence about a lost message is asked for under the reference that it was sent with"


async def _fits(stage: Stage, step: Step) -> None:
    claims = stage.adapter.scope
    stage.expect(
        claims.reference_length >= _OURS,
        f"{claims.reference_length} is too short: ours have {_OURS}",
    )
    missing = set(ALPHABET + "_") - set(claims.reference_alphabet)
    stage.expect(not missing, f"ours may also have {''.join(sorted(missing))}")


async def _sent(stage: Stage, step: Step) -> None:
    call = await stage.call(step, await stage.prepare(step))
    sent = b"".join(request.raw for request in call.requests)
    stage.expect(call.reference.encode() in sent, f"{step}: the request does not hold it")


async def _longest(stage: Stage, step: Step) -> None:
    claims = stage.adapter.scope
    own = stage.reference()
    letters = islice(cycle(claims.reference_alphabet), claims.reference_length - len(own))
    reference = own + "".join(letters)
    call = await stage.call(step, stage.message(reference=reference))
    stage.expect_result(call, Approved)
    sent = b"".join(request.raw for request in call.requests)
    stage.expect(reference.encode() in sent, f"{step}: it was altered on its way")
    acted = await stage.processor.acted(reference)
    stage.expect(acted == 1, f"{step}: the processor's book has it {acted} times")


SCENARIOS = (
    Scenario(name="our references fit", case=_fits, why="an attempt's id is its reference"),
    Scenario(name="the reference is sent", case=_sent, steps=EVERY_STEP, why=_RESOLVES),
    Scenario(
        name="the longest reference", case=_longest, steps=MONEY[:2],
        why="what is stated of references is what the processor takes, unaltered",
    ),
)  # fmt: skip
