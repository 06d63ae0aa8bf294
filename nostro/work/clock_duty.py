"""After a clock was set back: ends the leases that it had given in what is now the far future.

Nobody gives a lease longer than a call and its settling take. One that lasts longer was given by a clock that was ahead,
and would keep a payment on its way until that time has come: an hour ahead, an hour long. Whoever still holds it is
fenced by the epoch, as after any takeover. What waits in a named queue has long leases of its own: a day is too long.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nostro.kernel.clock import SECOND, SystemTime
from nostro.kernel.command import Command
from nostro.kernel.ports import Reader
from nostro.payments.ahead import Ending
from nostro.work.duties import Book, Desk

ENDED_AT_ONCE = 500
log = logging.getLogger(__name__)

FindAhead = Callable[[Reader, int, SystemTime, int, int], Awaitable[list[str]]]
End = Callable[[int, bytes, tuple[str, ...], Ending], Command[int]]


class EndingLeasesAhead:
    """Ends the leases of one kind of operation that are longer than `longest_ms` and any difference of clocks.

    Of one that is longer, but by less than clocks may differ, the age is not known any more. It goes on.
    """

    idle_ms = 5 * SECOND

    def __init__(
        self, name: str, book: Book, desk: Desk, longest_ms: int, find: FindAhead, end: End
    ) -> None:
        self.name, self._book, self._desk = name, book, desk
        self._longest_ms, self._find, self._end = longest_ms, find, end

    async def round(self) -> int:
        """End a batch of them."""
        desk, book = self._desk, self._book.id
        found = await self._find(
            desk.reader, book, desk.clock.system(), self._longest_ms, ENDED_AT_ONCE
        )
        if not found:
            return 0
        ending = Ending(self._longest_ms)
        ended = await desk.decider(book).run(self._end(book, desk.seed(), tuple(found), ending))
        log.warning(
            "%s of book %s: a clock was ahead at %s; %s ended", self.name, book, len(found), ended
        )
        return ended

    async def close(self) -> None:
        """Nothing is ever under way between rounds."""
