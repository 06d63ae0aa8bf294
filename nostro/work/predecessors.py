"""What a new start takes over at once from those it knows to be dead.

Instances of one start of Nostro share the beginning of their names, its generation. `nostro up` holds the lock of its
data directory, so every instance of another generation is dead or about to be, and its leases are ended instead of
waited for. One that still breathes is fenced by the epoch of what it held: its late settle changes nothing.
Where several machines share a database nobody knows that, and nothing may call this: leases run out by themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Command
from nostro.kernel.ports import Reader
from nostro.payments.ahead import Ending
from nostro.payments.claim import EndLeases
from nostro.payments.due import held_attempts
from nostro.payments.timing import Timing
from nostro.work.duties import Desk
from nostro.work.leases import LeaseStore, void_leases

ENDED_AT_ONCE = 500

FindHeld = Callable[[Reader, int, SystemTime, str, int], Awaitable[list[str]]]
End = Callable[[int, bytes, tuple[str, ...], Ending], Command[int]]


class Holdings(NamedTuple):
    """A kind of operation that instances hold by lease: how to find those, and the command that ends them."""

    find: FindHeld
    end: End


ATTEMPTS = Holdings(held_attempts, EndLeases)


async def bury(
    book: int, generation: str, desk: Desk, store: LeaseStore, *kinds: Holdings,
    longest_ms: int = Timing().longest_lease_ms,
) -> int:  # fmt: skip
    """End every lease in a book that no instance of `generation` holds; returns how many operations it freed."""
    await void_leases(store, book, generation)
    ending = Ending(longest_ms, generation)
    return sum([await _end(book, ending, desk, kind) for kind in kinds or (ATTEMPTS,)])


async def _end(book: int, ending: Ending, desk: Desk, kind: Holdings) -> int:
    ended, generation = 0, ending.generation or ""
    while True:
        now = desk.clock.system()
        held = await kind.find(desk.reader, book, now, generation, ENDED_AT_ONCE)
        if not held:
            return ended
        command = kind.end(book, desk.seed(), tuple(held), ending)
        count = await desk.decider(book).run(command)
        if count == 0:
            return ended
        ended += count
