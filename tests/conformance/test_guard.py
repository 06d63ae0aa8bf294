"""A subject can neither end the examination nor keep it for ever."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from nostro.conformance.guard import GivenUp, guarded, left_behind, watched


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


async def refuses_to_end() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        raise ValueError("4242424242424242") from None


def test_what_is_left_behind_and_fails_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def leaves() -> bool:
        task = asyncio.ensure_future(refuses_to_end())
        await asyncio.sleep(0)
        del task
        return await left_behind()

    with caplog.at_level(logging.DEBUG):
        assert asyncio.run(leaves()) is False
    assert "4242424242424242" not in caplog.text


def test_a_thread_that_goes_on_is_told_of() -> None:
    over = threading.Event()

    async def leaves() -> list[bool]:
        before = await left_behind()
        working = asyncio.ensure_future(asyncio.to_thread(over.wait, 60))
        await asyncio.sleep(0.05)
        found = [before, await left_behind()]
        assert working.done()
        over.set()
        return found

    assert asyncio.run(leaves()) == [False, True]
