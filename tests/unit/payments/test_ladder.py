"""Which rungs there are, for every combination of what an acquirer can be asked; pure."""

import asyncio
import itertools
from typing import Any

import pytest

from nostro.acquirers.manners import MANNERS
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.outcome import (
    Approved,
    Evidence,
    NotFound,
    NotSent,
    Rejected,
    Undone,
    Unknown,
)
from nostro.payments.ladder import Awaiting, Doubt, Ladder, Step, climb, steps
from nostro.payments.timing import Timing

SENT, MARGIN = SystemTime(1_000_000), 500
INQUIRE, REPEAT, CANCEL = Step
YES = Approved("x", 1, "usd")


def doubt(repeatable: bool = True, cancelable: bool = True) -> Doubt:
    return Doubt("att_1", SENT, repeatable, cancelable)


@pytest.mark.parametrize(
    ("manner", "rungs"),
    [
        ("honours", (INQUIRE, REPEAT, CANCEL)),
        ("forgets", (INQUIRE, REPEAT, CANCEL)),
        ("no-inquiry", (REPEAT, CANCEL)),
        ("ignores-send-by", (INQUIRE, REPEAT, CANCEL)),
        ("notifies-only", ()),
        ("mute", ()),
    ],
)
def test_the_rungs_of_each_manner(manner: str, rungs: tuple[Step, ...]) -> None:
    assert steps(MANNERS[manner], doubt(), SENT, MARGIN) == rungs


def test_after_the_window_nothing_is_sent_and_no_cancel_is_believed() -> None:
    can = Capabilities(replay_window_ms=10_000)
    last = SystemTime(SENT + 10_000 - MARGIN - 1)
    assert steps(can, doubt(), last, MARGIN) == (INQUIRE, REPEAT, CANCEL)
    assert steps(can, doubt(), SystemTime(last + 1), MARGIN) == (INQUIRE,)
    assert steps(can, doubt(), SystemTime(SENT + 10**12), MARGIN) == (INQUIRE,)
    set_back = SystemTime(SENT - 1)
    assert steps(can, doubt(), set_back, MARGIN) == (INQUIRE,), "its age is not known any more"


@pytest.mark.parametrize("can", [
    Capabilities(inquiry, window, cancel, notifies)
    for inquiry, window, cancel, notifies in itertools.product(
        (True, False), (None, 0, 5_000), (True, False), (True, False)
    )
])  # fmt: skip
@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("age", [0, 4_499, 4_500, 10**9])
def test_no_rung_is_climbed_that_was_not_claimed(
    can: Capabilities, repeatable: bool, age: int
) -> None:
    rungs = steps(can, doubt(repeatable), SystemTime(SENT + age), MARGIN)
    window = can.replay_window_ms
    known = window is None or age + MARGIN < window
    assert (INQUIRE in rungs) == can.inquiry
    assert (REPEAT in rungs) == (known and repeatable)
    assert (CANCEL in rungs) == (known and can.cancel_by_reference)


def test_once_a_cancel_may_have_left_nothing_but_a_cancel_follows() -> None:
    cancelling = Doubt("att_1", SENT, True, True, cancelling=True)
    assert steps(Capabilities(), cancelling, SENT, MARGIN) == (CANCEL,)
    late = SystemTime(SENT + 10**9)
    assert steps(Capabilities(replay_window_ms=5_000), cancelling, late, MARGIN) == ()


class Scripted:
    """An acquirer whose answers are given: what is asked of it is written down."""

    name = "scripted"

    def __init__(self, can: Capabilities, found: Any = None, cancelled: Any = None) -> None:
        self.capabilities, self._found, self._cancelled = can, found, cancelled
        self.asked: list[str] = []

    async def inquire(self, reference: str) -> Any:
        self.asked.append("inquire")
        return self._found

    async def cancel(self, reference: str) -> Any:
        self.asked.append("cancel")
        return self._cancelled


def climbed(
    acquirer: Scripted, repeated: Evidence | None, repeatable: bool = True
) -> tuple[Evidence, Awaiting | None]:
    async def repeat() -> Evidence | None:
        acquirer.asked.append("repeat")
        return repeated

    rungs = steps(acquirer.capabilities, doubt(repeatable), SENT, MARGIN)

    async def cancel() -> Evidence:
        found: Evidence = await acquirer.cancel("att_1")
        return found

    async def inquire() -> Any:
        return await acquirer.inquire("att_1")

    reached = asyncio.run(
        climb(
            acquirer.capabilities,
            rungs,
            inquire,
            repeat,
            cancel,
            known=lambda: True,
            in_time=lambda: True,
        )
    )
    return reached.evidence, reached.awaiting


def test_what_is_found_is_the_evidence() -> None:
    acquirer = Scripted(Capabilities(), found=YES)
    assert climbed(acquirer, None) == (YES, None)
    assert acquirer.asked == ["inquire"]


def test_a_silent_inquiry_leads_to_no_repeat() -> None:
    acquirer = Scripted(Capabilities(), found=Unknown("silent"))
    assert climbed(acquirer, YES) == (Unknown("silent"), None)
    assert acquirer.asked == ["inquire"]


@pytest.mark.parametrize("repeated", [YES, Unknown("lost"), NotSent("refused")])
def test_not_found_permits_a_repeat_whose_answer_is_the_evidence(repeated: Evidence) -> None:
    acquirer = Scripted(Capabilities(), found=NotFound())
    assert climbed(acquirer, repeated) == (repeated, None)
    assert acquirer.asked == ["inquire", "repeat"]


def test_a_rejected_repeat_is_ended_by_a_cancel() -> None:
    acquirer = Scripted(Capabilities(), NotFound(), Undone("by reference"))
    assert climbed(acquirer, Rejected("no")) == (Undone("by reference"), None)
    assert acquirer.asked == ["inquire", "repeat", "cancel"]


def test_a_rejected_repeat_that_cannot_be_cancelled_waits() -> None:
    acquirer = Scripted(Capabilities(cancel_by_reference=False), NotFound())
    evidence, awaiting = climbed(acquirer, Rejected("no"))
    assert (type(evidence), awaiting) == (Unknown, Awaiting.REPORT)


def test_what_was_for_one_use_is_cancelled_and_never_repeated() -> None:
    acquirer = Scripted(Capabilities(inquiry=False), cancelled=Undone("by reference"))
    assert climbed(acquirer, YES, repeatable=False) == (Undone("by reference"), None)
    assert acquirer.asked == ["cancel"]


@pytest.mark.parametrize(
    ("manner", "queue"), [("mute", Awaiting.REPORT), ("notifies-only", Awaiting.NOTIFICATION)]
)
def test_who_can_be_asked_nothing_is_asked_nothing(manner: str, queue: Awaiting) -> None:
    acquirer = Scripted(MANNERS[manner])
    evidence, awaiting = climbed(acquirer, YES)
    assert (type(evidence), awaiting, acquirer.asked) == (Unknown, queue, [])


@pytest.mark.parametrize("rung", [INQUIRE, REPEAT, CANCEL])
def test_a_host_that_stalls_between_the_rungs_believes_no_acquirer_that_has_forgotten(
    rung: Step,
) -> None:
    """The rungs were there when it was begun, and the window ended while they were climbed."""
    can = Capabilities(replay_window_ms=5_000)
    rungs = steps(can, doubt(), SENT, MARGIN)
    said: list[Step] = []
    is_known = True

    async def inquire() -> Evidence | NotFound:
        nonlocal is_known
        said.append(INQUIRE)
        is_known = rung is not INQUIRE and rung is not REPEAT
        # Either a tombstone of a late double, or nothing: it was forgotten.
        return Undone("refused for ever") if rung is INQUIRE else NotFound()

    async def repeat() -> Evidence:
        said.append(REPEAT)
        return Rejected("cancelled_reference", "")

    async def cancel() -> Evidence:
        nonlocal is_known
        said.append(CANCEL)
        is_known = False
        return Undone("nothing was known, and nothing will be")

    reached = asyncio.run(
        climb(can, rungs, inquire, repeat, cancel, known=lambda: is_known, in_time=lambda: is_known)
    )
    assert isinstance(reached.evidence, Unknown)
    assert reached.awaiting is Awaiting.REPORT
    assert said == ([INQUIRE] if rung is not CANCEL else [INQUIRE, REPEAT, CANCEL])


@pytest.mark.parametrize("refused", [Rejected("no such call"), NotSent("refused")])
def test_asking_that_was_refused_says_nothing_of_the_message(refused: Evidence) -> None:
    for acquirer in (
        Scripted(Capabilities(), found=refused),
        Scripted(Capabilities(inquiry=False), cancelled=refused),
    ):
        evidence, _ = climbed(acquirer, YES, repeatable=False)
        assert isinstance(evidence, Unknown)


def test_a_repeat_does_not_leave_when_an_inquiry_was_too_slow() -> None:
    """The reference is known still, and will not be when the repeat is there."""
    said: list[Step] = []

    async def inquire() -> NotFound:
        said.append(INQUIRE)
        return NotFound()

    async def repeat() -> Evidence:
        said.append(REPEAT)
        return YES

    async def cancel() -> Evidence:
        said.append(CANCEL)
        return Undone("by reference")

    reached = asyncio.run(
        climb(
            Capabilities(replay_window_ms=60_000), (INQUIRE, REPEAT, CANCEL), inquire, repeat, cancel,
            known=lambda: True, in_time=lambda: False,
        )
    )  # fmt: skip
    assert (said, reached.evidence) == ([INQUIRE, CANCEL], Undone("by reference"))


class Standing:
    """A clock that a test moves."""

    def __init__(self, now: int) -> None:
        self.now = now

    def system(self) -> SystemTime:
        return SystemTime(self.now)

    def business(self) -> BusinessTime:
        return BusinessTime(self.now)


@pytest.mark.parametrize(
    ("age", "send_by"),
    [(0, 2_000), (45_999, 47_999), (46_000, 48_000), (47_500, 48_000), (10**9, 48_000)],
)
def test_a_repeat_is_there_while_the_reference_is_surely_known_or_never(
    age: int, send_by: int
) -> None:
    """A window of a minute, clocks that may be two seconds apart, two seconds to send, ten on the way."""
    can, clock = Capabilities(replay_window_ms=60_000), Standing(SENT + age)
    assert Ladder(can, doubt(), clock, Timing()).repeat_by() - SENT == send_by
    always = Ladder(Capabilities(), doubt(), clock, Timing())
    assert always.repeat_by() - SENT == age + 2_000


def test_a_message_waits_in_a_queue_once_no_rung_is_left() -> None:
    can = Capabilities(inquiry=False, replay_window_ms=60_000)
    clock = Standing(SENT)
    ladder = Ladder(can, doubt(), clock, Timing())
    assert (ladder.rungs, ladder.queue) == ((REPEAT, CANCEL), None)
    clock.now += 60_000 - 12_000
    assert (ladder.rungs, ladder.queue) == ((), Awaiting.REPORT)
