"""Who works a book: one named instance at a time, by a lease that it renews and that runs out if it dies.

One rule: a lease saves work, it never guards money. Whoever acts late is fenced by what the rows say: an attempt by
its epoch, a delivery by its count of attempts, a cursor by never going back.
"""

from __future__ import annotations

import logging
from typing import Any, LiteralString, Protocol

from nostro.kernel.clock import SECOND, SystemTime
from nostro.kernel.errors import NostroError
from nostro.kernel.ports import Clock
from nostro.kernel.queries import load
from nostro.payments.timing import DIFFERENCE_MS

QUERIES = load("nostro.work")
TERM_MS = 6 * SECOND
MARGIN_MS = 1 * SECOND  # the holder stops that much earlier: clocks differ, statements take time
log = logging.getLogger(__name__)


class LeaseStore(Protocol):
    """Writes single statements; no command ever reads what it writes."""

    async def write(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...


class Lease:
    """The lease of one duty of one book, as one instance sees it. Times are system time."""

    def __init__(
        self,
        store: LeaseStore,
        clock: Clock,
        instance: str,
        book: int,
        duty: str,
        term_ms: int = TERM_MS,
    ) -> None:
        self._store, self._clock, self.instance = store, clock, instance
        self.book, self.duty, self.term_ms = book, duty, term_ms
        self._until = SystemTime(0)

    @property
    def held(self) -> bool:
        """Whether this instance may begin something. After a stall it learns here that it may not."""
        return self._clock.system() < self._until - min(MARGIN_MS, self.term_ms // 4)

    async def renew(self) -> bool:
        """Take or renew it. An unreachable database leaves it to run out."""
        now = self._clock.system()
        until = SystemTime(now + self.term_ms)
        try:
            rows = await self._store.write(
                QUERIES["take_lease"],
                self.book,
                self.duty,
                self.instance,
                until,
                now,
                until + DIFFERENCE_MS,
            )
        except NostroError as error:
            log.warning("lease %s of book %s: %s", self.duty, self.book, error)
            return self.held
        self._until = until if rows else SystemTime(0)
        return bool(rows)

    async def release(self) -> None:
        """Give it up, so that another need not wait for it to run out."""
        self._until = SystemTime(0)
        try:
            await self._store.write(QUERIES["release_lease"], self.book, self.duty, self.instance)
        except NostroError as error:
            log.warning("lease %s of book %s is left to run out: %s", self.duty, self.book, error)


async def void_leases(store: LeaseStore, book: int, generation: str) -> None:
    """End the leases of instances whose names do not begin with `generation`: they are dead."""
    await store.write(QUERIES["void_leases"], book, generation)
