"""One instance works a book; a dead one is replaced when its lease runs out; a stalled one notices."""

import asyncio
from collections.abc import Callable
from typing import Any, LiteralString

from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import SystemTime
from nostro.kernel.errors import DatabaseUnavailable
from nostro.work.crew import Crew
from nostro.work.duties import Book
from nostro.work.leases import MARGIN_MS, TERM_MS, Lease, void_leases
from nostro.work.loop import Shift, Worker, run_worker
from tests.books import BOOK, CLOCK, books_on


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def business(self) -> Any:
        return self.ms

    def system(self) -> SystemTime:
        return SystemTime(self.ms)

    async def sleep(self, milliseconds: int) -> None:
        await CLOCK.sleep(milliseconds)


class Counting:
    """A duty that counts its rounds, and fails if told to."""

    name, idle_ms = "counting", 200

    def __init__(self, found: int = 0, fail: bool = False) -> None:
        self.rounds, self.found, self.fail, self.closed = 0, found, fail, False

    async def round(self) -> int:
        self.rounds += 1
        if self.fail:
            raise DatabaseUnavailable
        return self.found

    async def close(self) -> None:
        self.closed = True


async def until(true: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def test_two_instances_and_one_lease(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with books_on(database) as books:
            clock = Hand()
            one, two = (Lease(books.pool, clock, name, BOOK, "work") for name in ("a", "b"))
            assert await one.renew()
            assert not await two.renew()
            assert one.held and not two.held
            clock.ms += TERM_MS // 2
            assert await one.renew()
            clock.ms += TERM_MS - MARGIN_MS
            assert not one.held  # it stops before another may begin
            assert not await two.renew()
            clock.ms += MARGIN_MS + 1
            assert await two.renew()
            assert not await one.renew()
            await one.release()  # not its own any more
            assert await two.renew()
            await two.release()
            assert await one.renew()

    asyncio.run(scenario())


def test_leases_of_another_generation_end_at_once(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with books_on(database) as books:
            dead = Lease(books.pool, CLOCK, "g1.worker", BOOK, "work")
            fresh = Lease(books.pool, CLOCK, "g2.worker", BOOK, "work")
            assert await dead.renew()
            await void_leases(books.pool, BOOK, "g2.")
            assert await fresh.renew()
            await void_leases(books.pool, BOOK, "g2.")
            assert not await dead.renew()

    asyncio.run(scenario())


def test_an_unreachable_database_lets_the_lease_run_out() -> None:
    class Gone:
        async def write(self, statement: LiteralString, *_: Any) -> list[tuple[Any, ...]]:
            raise DatabaseUnavailable

    lease = Lease(Gone(), Hand(), "a", BOOK, "work")
    assert not asyncio.run(lease.renew())
    assert not lease.held


def test_two_workers_one_works_and_the_other_takes_over(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with books_on(database) as books:
            duties = [Counting(), Counting()]
            shifts = [
                Shift(Lease(books.pool, CLOCK, name, BOOK, "work", 600), [duty], CLOCK)
                for name, duty in zip("ab", duties, strict=True)
            ]
            first, second = (asyncio.create_task(shift.run()) for shift in shifts)
            await until(lambda: duties[0].rounds + duties[1].rounds >= 3)
            works = 0 if duties[0].rounds else 1
            assert duties[1 - works].rounds == 0
            (first, second)[works].cancel()
            await until(lambda: duties[1 - works].rounds)
            assert duties[works].closed
            (first, second)[1 - works].cancel()
            await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(scenario())


def test_a_failing_duty_slows_down_and_the_others_go_on(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with books_on(database) as books:
            bad, good = Counting(fail=True), Counting(found=1)

            async def list_books() -> list[Book]:
                return [Book(BOOK, live=False)]

            worker = Worker(list_books, lambda *_: [bad, good], books.pool, CLOCK, "a")
            stop = asyncio.Event()
            running = asyncio.create_task(run_worker(worker, stop))
            await until(lambda: good.rounds >= 5)
            assert bad.rounds == 1
            stop.set()
            await running
            assert bad.closed and good.closed
            rows = await books.rows("SELECT until_ms FROM nostro.leases WHERE book_id = $1", BOOK)
            assert rows == [(0,)]

    asyncio.run(scenario())


def test_one_failing_item_rests_longer_each_time_and_stops_no_other() -> None:
    async def scenario() -> None:
        clock = Hand()
        crew, done = Crew("test", 2, clock), []

        async def bad() -> None:
            raise ValueError

        async def good() -> None:
            done.append(1)

        pauses = []
        for _ in range(4):
            assert crew.start("bad", bad)
            assert crew.start("good", good)
            assert not crew.start("third", good)  # the crew is full
            await until(lambda: crew.free == 2)
            assert not crew.start("bad", bad)
            assert crew.busy() == ["bad"]
            began = clock.ms
            while crew.busy():
                clock.ms += 500
            pauses.append(clock.ms - began)
        assert pauses == [1_000, 2_000, 4_000, 8_000]
        assert len(done) == 4

    asyncio.run(scenario())
