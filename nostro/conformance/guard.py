"""Keeps what a subject may do to the program that examines it from happening: ending it, or never coming back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
CANCEL_SECONDS = 1.0
BEAT_SECONDS = 0.5


class GivenUp(Exception):
    """It did not come back in time, and may be at it still."""


async def guarded(work: Awaitable[T], seconds: float) -> T | BaseException:
    """What comes of it, or what it raised, whatever that is: `SystemExit` ends no examination. GivenUp after a while."""
    task = asyncio.ensure_future(caught(work))
    done, _ = await asyncio.wait([task], timeout=seconds)
    if done:
        return task.result()
    task.cancel()
    await asyncio.wait([task], timeout=CANCEL_SECONDS)  # it may ignore that
    return GivenUp(f"not back after {seconds:g} seconds")


async def caught(work: Awaitable[T]) -> T | BaseException:
    """What comes of it, or what it raised."""
    try:
        return await work
    except BaseException as error:  # noqa: BLE001 - it is what is looked for
        return error


class Ended(Exception):
    """A task of the subject's own that would have ended the program, by the name of what it raised."""


@contextmanager
def contained(told: Callable[[str], None]) -> Iterator[None]:
    """A task that raises what ends a program ends nothing: `told` hears its name, and never its text.

    A person's Ctrl-C is no such thing: it cancels the main task (`asyncio.Runner`).
    """
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    async def held(work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except (SystemExit, KeyboardInterrupt) as error:
            told(type(error).__name__)
            raise Ended(type(error).__name__) from None

    def factory(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], **more: Any
    ) -> asyncio.Task[T]:
        return asyncio.Task(held(work), loop=loop, **more)

    loop.set_task_factory(factory)  # type: ignore[arg-type]
    try:
        yield
    finally:
        loop.set_task_factory(before)


async def left_behind(seconds: float = CANCEL_SECONDS) -> bool:
    """Cancel every other task of this loop. Whether tasks, or threads, go on all the same: who waits for them waits for ever."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    done, stay = await asyncio.wait(others, timeout=seconds) if others else (set(), set())
    for task in done:
        _ = task.cancelled() or task.exception()  # what is not asked for is shown on the terminal
    threads = set(threading.enumerate()) - {threading.main_thread()}
    return bool(stay) or any(not thread.daemon for thread in threads)


@contextmanager
def watched(seconds: float, stuck: Callable[[], None]) -> Iterator[None]:
    """Call `stuck`, from another thread, if this loop does not turn for so long: an adapter that blocks it never comes back."""
    loop, over = asyncio.get_running_loop(), threading.Event()
    last = [loop.time()]

    def beat() -> None:
        last[0] = loop.time()

    def watch() -> None:
        while not over.wait(BEAT_SECONDS):
            loop.call_soon_threadsafe(beat)
            if loop.time() - last[0] > seconds:
                stuck()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
