"""A subject can neither end the examination nor keep it for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from nostro.conformance.guard import GivenUp, guarded, watched


class Ending(BaseException):
    """Not an Exception."""


async def hangs() -> None:
    await asyncio.sleep(60)


async def swallows() -> None:
    for _ in range(600):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            pass


async def raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("work", [hangs, swallows])
def test_what_never_comes_back_is_given_up(work: Callable[[], Awaitable[None]]) -> None:
    began = time.monotonic()
    loop = asyncio.new_event_loop()
    found = loop.run_until_complete(guarded(work(), 0.05))
    assert isinstance(found, GivenUp)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "error", [SystemExit(0), KeyboardInterrupt(), Ending(), asyncio.CancelledError(), ValueError()]
)
def test_whatever_it_raises_is_what_came_of_it(error: BaseException) -> None:
    assert asyncio.run(guarded(raises(error), 5)) is error


def test_what_it_returns_is_returned() -> None:
    async def nine() -> int:
        return 9

    assert asyncio.run(guarded(nine(), 5)) == 9


def test_a_loop_that_does_not_turn_is_told_of() -> None:
    told: list[float] = []

    async def blocked(seconds: float) -> None:
        with watched(0.6, lambda: told.append(seconds)):
            await asyncio.sleep(0.1)
            time.sleep(seconds)  # noqa: ASYNC251  as a bad adapter does
            await asyncio.sleep(0.1)

    asyncio.run(blocked(0.0))
    assert told == []
    asyncio.run(blocked(2.5))
    assert told == [2.5]
