"""The worker: for each book it holds the lease of, every duty looks for what is due, at a pace of its own.

The pace is quick after something was found and slows down to the duty's own idle pause. A round that fails is logged and
tried again, more slowly each time; nothing else stops for it. Whoever runs this as a process of its own lowers its
priority below the API's (`os.nice(5)`), since payments come first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import CommitUnknown, Unavailable
from nostro.kernel.ports import Clock
from nostro.work.duties import Book, Duty
from nostro.work.leases import Lease, LeaseStore

BUSY_MS = 100
LONGEST_BACK_OFF_MS = 30 * SECOND
BOOKS_MS = 30 * SECOND
LEASE = "work"
log = logging.getLogger(__name__)

DutiesOf = Callable[[Book, Lease], Sequence[Duty]]
Books = Callable[[], Awaitable[Sequence[Book]]]


class Shift:
    """One instance's work in one book."""

    def __init__(self, lease: Lease, duties: Sequence[Duty], clock: Clock) -> None:
        self.lease, self._duties, self._clock = lease, duties, clock

    async def run(self) -> None:
        """Work whenever the lease is held, until cancelled; then give the lease up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_lease())
                for duty in self._duties:
                    tasks.create_task(self._rounds(duty))
        finally:
            await asyncio.gather(*[duty.close() for duty in self._duties])
            await self.lease.release()

    async def _keep_lease(self) -> None:
        while True:
            try:
                await self.lease.renew()
            except Exception as error:  # noqa: BLE001 - logged, and nothing else stops for it
                _log(error, "cannot renew a lease")
            await self._clock.sleep(self.lease.term_ms // 3)

    async def _rounds(self, duty: Duty) -> None:
        pause = BUSY_MS
        while True:
            if self.lease.held:
                pause = await self._round(duty, pause)
            await self._clock.sleep(pause)

    async def _round(self, duty: Duty, pause: int) -> int:
        """Look once; returns how long to wait before the next look, in milliseconds."""
        try:
            found = await duty.round()
        except Exception as error:  # noqa: BLE001 - logged, and nothing else stops for it
            _log(error, f"{duty.name} of book {self.lease.book}")
            return min(LONGEST_BACK_OFF_MS, max(SECOND, pause * 2))
        return BUSY_MS if found else min(duty.idle_ms, pause * 2)


class Worker:
    """Works every book it knows of; books created later join within half a minute."""

    def __init__(
        self, books: Books, duties_of: DutiesOf, store: LeaseStore, clock: Clock, instance: str
    ) -> None:
        self._books, self._duties_of, self._store = books, duties_of, store
        self._clock, self._instance = clock, instance
        self._shifts: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._open_books()
                await self._clock.sleep(BOOKS_MS if self._shifts else BUSY_MS)
        finally:
            for shift in self._shifts.values():
                shift.cancel()
            await asyncio.gather(*self._shifts.values(), return_exceptions=True)

    async def _open_books(self) -> None:
        try:
            books = await self._books()
        except Exception as error:  # noqa: BLE001 - logged, and nothing else stops for it
            _log(error, "cannot list the books")
            return
        for book in books:
            shift = self._shifts.get(book.id)
            if shift is None or shift.done():
                self._shifts[book.id] = asyncio.get_running_loop().create_task(self._work(book))

    async def _work(self, book: Book) -> None:
        lease = Lease(self._store, self._clock, self._instance, book.id, LEASE)
        await Shift(lease, self._duties_of(book, lease), self._clock).run()


def _log(error: Exception, what: str) -> None:
    """An outage is one line a round; anything else is our mistake and shows where."""
    if isinstance(error, (Unavailable, CommitUnknown)):
        log.warning("%s: %s", what, error)
    else:
        log.error("%s", what, exc_info=error)


async def run_worker(worker: Worker, stop: asyncio.Event) -> None:
    """Run a worker until `stop` is set, then let it put down what it holds."""
    work = asyncio.get_running_loop().create_task(worker.run())
    stopped = asyncio.get_running_loop().create_task(stop.wait())
    await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    work.cancel()
    await asyncio.gather(work, stopped, return_exceptions=True)
