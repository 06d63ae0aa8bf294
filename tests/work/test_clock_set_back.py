"""A clock that was ahead is put right: nothing waits until the time that it had shown has come."""

import asyncio

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import HOUR, SystemTime
from nostro.payments.claim import EndLeases
from nostro.payments.due import attempts_ahead
from nostro.payments.timing import DIFFERENCE_MS
from nostro.routing.breaker import Circuit, admits, ended
from nostro.routing.model import BreakerTerms
from nostro.work.clock_duty import EndingLeasesAhead
from nostro.work.crew import Crew
from nostro.work.leases import TERM_MS, Lease
from tests.books import BOOK, books_on
from tests.refunds.world import TIMING
from tests.sandbox.process import SandboxProcess
from tests.work.test_duties import HERE, Bench, play, see_through
from tests.work.test_leases import Hand, until


def righting(bench: Bench) -> EndingLeasesAhead:
    return EndingLeasesAhead(
        "leases", HERE, bench.desk, TIMING.longest_lease_ms, attempts_ahead, EndLeases
    )


def test_what_was_begun_in_the_future_is_finished_now(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.world.clock.system_ahead = HOUR
        await bench.crash_in_a_sale(3)
        bench.world.clock.system_ahead = 0
        assert await bench.resolving().round() == 0  # their leases are an hour long
        assert await righting(bench).round() == 3
        assert await righting(bench).round() == 0

        async def done() -> bool:
            succeeded = "SELECT count(*) FROM nostro.payment_intents WHERE status = 'succeeded'"
            return bool(await bench.value(succeeded) == 3)

        await see_through(bench.resolving(), done)

    play(database, sandbox, scenario)


def test_a_lease_that_is_not_too_long_is_left_alone(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.world.clock.system_ahead = DIFFERENCE_MS // 2
        await bench.crash_in_a_sale()
        bench.world.clock.system_ahead = 0
        assert await righting(bench).round() == 0
        await bench.pool.write(
            "UPDATE nostro.payment_attempts SET lease_until = lease_until + $1::bigint", HOUR
        )
        await bench.pool.write("UPDATE nostro.payment_attempts SET awaiting = 'awaiting_report'")
        assert await righting(bench).round() == 0  # a named queue has long leases of its own
        await bench.pool.write("UPDATE nostro.payment_attempts SET awaiting = NULL")
        assert await righting(bench).round() == 1

    play(database, sandbox, scenario)


def test_a_book_is_worked_again_at_once(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with books_on(database) as books:
            clock = Hand()
            dead, living = (Lease(books.pool, clock, name, BOOK, "work") for name in ("a", "b"))
            clock.ms += HOUR
            assert await dead.renew()
            clock.ms -= DIFFERENCE_MS
            assert not await living.renew()  # that much clocks may differ
            clock.ms -= HOUR - DIFFERENCE_MS
            assert await living.renew()
            assert living.held
            clock.ms += TERM_MS // 2
            assert not await dead.renew()

    asyncio.run(scenario())


def test_a_rest_begun_in_the_future_is_over() -> None:
    async def scenario() -> None:
        clock = Hand()
        crew = Crew("test", 1, clock)

        async def fail() -> None:
            raise ValueError

        clock.ms += HOUR
        crew.start("it", fail)
        await until(lambda: crew.free == 1)
        assert crew.busy() == ["it"]
        clock.ms -= HOUR
        assert crew.busy() == []
        assert crew.start("it", fail)
        await until(lambda: crew.free == 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("back_ms", [10_000, HOUR])
def test_a_circuit_opened_in_the_future_may_be_tried(back_ms: int) -> None:
    terms, now = BreakerTerms(), SystemTime(10 * HOUR)
    circuit = Circuit()
    for _ in range(terms.calls_min):
        circuit = ended(circuit, terms, True, now)
    assert not admits(circuit, now)
    assert not admits(circuit, SystemTime(now + 1))
    assert admits(circuit, SystemTime(now - back_ms))
