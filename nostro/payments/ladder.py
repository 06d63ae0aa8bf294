"""The ladder of evidence for a message whose outcome is unknown (DESIGN §3.3), by what its acquirer can be asked.

Inquire, repeat under the same reference, cancel by reference, wait for what the acquirer says by itself, a person: the
first rung there is. `steps` is pure; `climb` goes up as far as evidence is needed; a `Ladder` is both for one message.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

import msgspec

from nostro.kernel.capabilities import Capabilities
from nostro.kernel.clock import SystemTime
from nostro.kernel.errors import NostroError
from nostro.kernel.outcome import Evidence, NotFound, NotSent, Rejected, Undone, Unknown
from nostro.kernel.ports import Clock
from nostro.payments.timing import Timing

A = TypeVar("A")
NOTHING_LEAVES = "it is another instance's by now, or was doubted meanwhile: nothing leaves"
log = logging.getLogger(__name__)


class Step(StrEnum):
    """A rung."""

    INQUIRE = "inquire"
    REPEAT = "repeat"
    CANCEL = "cancel"


class Awaiting(StrEnum):
    """A queue of what cannot be asked for. Its length and its oldest are told by `nostro queues`."""

    NOTIFICATION = "awaiting_notification"
    REPORT = "awaiting_report"


class Doubt(msgspec.Struct, frozen=True):
    """A message in doubt: when it first left at the earliest (system time), and what may be done with it."""

    reference: str
    first_sent: SystemTime
    repeatable: bool  # nothing in it was for one use only, and the acquirer has not acknowledged it
    cancelable: bool = True
    cancelling: bool = False  # a cancel may have left already: nothing but a cancel follows
    age_known: bool = True  # no clock was seen to be wrong since it was sent


class Reached(msgspec.Struct, frozen=True):
    """How far it was climbed: the evidence, and the queue it waits in if nothing else is left to be asked."""

    evidence: Evidence
    awaiting: Awaiting | None = None


def steps(can: Capabilities, doubt: Doubt, now: SystemTime, margin_ms: int) -> tuple[Step, ...]:
    """The rungs there are. One that ends with the window counts only while `margin_ms` of the window is left.

    By a clock that is before the first send, or was seen to be wrong since, nobody knows how old it is.
    """
    known = can.replay_window_ms is None or (
        doubt.age_known
        and doubt.first_sent <= now < doubt.first_sent + can.replay_window_ms - margin_ms
    )
    rungs = (
        (Step.INQUIRE, can.inquiry and not doubt.cancelling),
        (Step.REPEAT, known and doubt.repeatable and not doubt.cancelling),
        (Step.CANCEL, known and can.cancel_by_reference and doubt.cancelable),
    )
    return tuple(step for step, there in rungs if there)


def queue(can: Capabilities) -> Awaiting:
    """Where a message waits that cannot be asked about."""
    return Awaiting.NOTIFICATION if can.notifies else Awaiting.REPORT


async def climb(
    can: Capabilities,
    rungs: tuple[Step, ...],
    inquire: Callable[[], Awaitable[Evidence | NotFound]],
    repeat: Callable[[], Awaitable[Evidence | None]],
    cancel: Callable[[], Awaitable[Evidence]],
    *,
    known: Callable[[], bool],
    in_time: Callable[[], bool],
) -> Reached:
    """Evidence from the first rung that gives some. A silent acquirer is asked again later, from the first rung.

    `known` is whether the acquirer surely knows the reference still, and `in_time` whether it will when a repeat that
    leaves now is there. Each rung takes time, and a host may stall: an acquirer that has forgotten what it did does it
    again, or "undoes" it as if it had never been.

    `repeat` sends once more under the same reference, or returns None if nothing may leave of it by now. `cancel` says
    durably that it will cancel, and does.
    """
    if Step.INQUIRE in rungs:
        found = _of_the_message(await inquire())
        if not isinstance(found, NotFound):
            return _if_known(can, found, known)
    if Step.REPEAT in rungs and in_time():
        repeated = await repeat()
        if repeated is None:
            return Reached(Unknown(NOTHING_LEAVES))
        if not isinstance(repeated, Rejected):
            return Reached(repeated)
    # Nothing was found and nothing may be sent again, or a repeat was refused, which says nothing of the first send:
    # a cancel makes sure that the first never counts.
    if Step.CANCEL in rungs and known():
        return _if_known(can, _of_the_message(await cancel()), known)
    return Reached(Unknown("nothing is left to be asked"), queue(can))


def _of_the_message(answer: A) -> A | Unknown:
    """An inquiry or a cancel that was refused, or did not leave, says nothing of the message that it is about."""
    if isinstance(answer, (Rejected, NotSent)):
        return Unknown(f"asking was {type(answer).__name__}")
    return answer


def _if_known(can: Capabilities, evidence: Evidence, known: Callable[[], bool]) -> Reached:
    """What was undone counts if the acquirer still knew what it had done when it said so."""
    if isinstance(evidence, Undone) and not known():
        return Reached(Unknown(f"{evidence.cause}, by one that may have forgotten"), queue(can))
    return Reached(evidence)


class Ladder:
    """What can be done about one message in doubt, by what its acquirer can, and by now."""

    def __init__(self, can: Capabilities, doubt: Doubt, clock: Clock, timing: Timing) -> None:
        self._can, self._doubt, self._clock, self._timing = can, doubt, clock, timing

    @property
    def rungs(self) -> tuple[Step, ...]:
        """The rungs there are now."""
        return steps(self._can, self._doubt, self._clock.system(), self._timing.margin_ms)

    @property
    def queue(self) -> Awaiting | None:
        """Where the message waits, if there is nothing to be asked."""
        return None if self.rungs else queue(self._can)

    def repeat_by(self) -> SystemTime:
        """The `send_by` of a repeat that leaves now: it is there while the acquirer surely knows the reference."""
        soon = SystemTime(self._clock.system() + self._timing.send_ms)
        until = self._remembered_until
        return soon if until is None else min(soon, SystemTime(until - self._timing.call_ms))

    async def climb(
        self,
        inquire: Callable[[], Awaitable[Evidence | NotFound]],
        repeat: Callable[[], Awaitable[Evidence | None]],
        cancel: Callable[[], Awaitable[Evidence]],
    ) -> Reached:
        """Evidence from the first rung that gives some. An adapter never raises; what one that does knows is nothing."""
        try:
            return await climb(
                self._can, self.rungs, inquire, repeat, cancel, known=self._known,
                in_time=self._in_time,
            )  # fmt: skip
        except NostroError:
            raise
        except Exception as error:  # noqa: BLE001 - its words may hold a card's number
            name = type(error).__name__
            log.error("%s: its adapter raised %s", self._doubt.reference, name)
            return Reached(Unknown(f"the adapter raised {name}"))

    @property
    def _remembered_until(self) -> SystemTime | None:
        """Until when the acquirer surely knows the reference, by any clock. None is for ever."""
        if self._can.replay_window_ms is None:
            return None
        window = self._can.replay_window_ms - self._timing.clocks_ms
        return SystemTime(self._doubt.first_sent + window)

    def _known(self, for_ms: int = 0) -> bool:
        until, doubt, now = self._remembered_until, self._doubt, self._clock.system()
        if until is None:
            return True
        return doubt.age_known and doubt.first_sent <= now and now + for_ms < until

    def _in_time(self) -> bool:
        return self._known(self._timing.call_ms)
