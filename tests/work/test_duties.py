"""The duties over a real database and a real sandbox acquirer: what a crash left open is finished, once."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from nostro.db.pool import Pool
from nostro.db.urls import ConnectionUrls
from nostro.idempotency.commands import KEEP_MS
from nostro.kernel.clock import DAY
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import CardDetails
from nostro.kernel.secret import Pan
from nostro.payment_methods.model import CardFacts, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.due import due_attempts
from nostro.payments.model import Terms
from nostro.payments.service import Merchant, Payments, Reply
from nostro.refunds.claim import EndRefundLeases
from nostro.refunds.commands import RefundRequest
from nostro.refunds.due import due_refunds, held_refunds
from nostro.work.duties import (
    Book,
    Desk,
    Duty,
    ExpiringHolds,
    PruningKeys,
    ReleasingFunds,
    Resolving,
)
from nostro.work.predecessors import ATTEMPTS, Holdings, bury
from tests.refunds.judge import judge
from tests.refunds.world import ACCOUNT, BOOK, World, a_world
from tests.sandbox.process import SandboxProcess

HERE = Book(BOOK, live=False)
KINDS = (ATTEMPTS, Holdings(held_refunds, EndRefundLeases))


class OnFile(msgspec.Struct, frozen=True):
    """Puts a test card on file, which the vault can open for a repeat."""

    book: int
    seed: bytes

    def reads(self) -> Reads:
        return Reads()

    def decide(self, view: View) -> Decision[str]:
        card = CardFacts("visa", "credit", "US", "4242", 12, 2049, "fp")
        method = PaymentMethod(view.mint.new("pm"), ACCOUNT, card, "pm_card_visa", view.now, False)
        return Decision(method.id, [(METHODS, method)])


class Bench:
    """A world and a desk to work at."""

    def __init__(self, world: World, pool: Pool) -> None:
        self.world, self.pool = world, pool
        self.desk = Desk(lambda book: world.committer, pool, world.clock, world.entropy)

    async def fee_of(self, account: str) -> FeeSchedule:
        assert account == ACCOUNT
        return self.world.merchant.fee

    def resolving(self, payments: Payments | None = None) -> Resolving:
        service = payments or self.world.payments
        return Resolving("payments", HERE, self.desk, due_attempts, service, self.fee_of)

    async def value(self, statement: str) -> Any:
        return (await self.pool.fetch(statement))[0][0]  # type: ignore[arg-type]

    async def crash_in_a_sale(self, count: int = 1, sent: bool = True) -> None:
        """Payments whose process dies after the acquirer was called, or just before."""
        die = self.world.payments.settle
        call = self.world.payments._call

        async def dead(*_: Any) -> Any:
            raise ConnectionResetError

        name = "settle" if sent else "_call"
        setattr(self.world.payments, name, dead)
        try:
            results = await asyncio.gather(
                *[self._sale() for _ in range(count)], return_exceptions=True
            )
        finally:
            self.world.payments.settle = die  # type: ignore[method-assign]
            self.world.payments._call = call  # type: ignore[method-assign]
        assert all(isinstance(result, ConnectionResetError) for result in results)

    async def _sale(self) -> Reply:
        world = self.world
        method = await world.run(OnFile(BOOK, world.entropy.bytes(16)))
        changes = Changes(2_000, "usd", None, "automatic", Terms(), MethodChoice(method))
        card = CardDetails(Pan("4242424242424242"), 12, 2049)
        return await world.payments.create(world.merchant, changes, True, card)


async def see_through(duty: Duty, done: Callable[[], Any], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await done():
            await duty.round()
            await asyncio.sleep(0.02)
    await duty.close()


def play(database: ConnectionUrls, sandbox: SandboxProcess, scenario: Any) -> None:
    async def played() -> None:
        async with a_world(database, sandbox, FeeSchedule(290, 30)) as world:
            pool = Pool(database.app)
            world.payments._reader = pool  # a connection for each of those who resolve at once
            await world.payments._cards.open_for_business(pool)
            try:
                await scenario(Bench(world, pool))
                await judge(world)
            finally:
                await pool.close()

    asyncio.run(played())


@pytest.mark.parametrize("sent", [True, False])
def test_what_a_crash_left_open_is_finished_once(
    database: ConnectionUrls, sandbox: SandboxProcess, sent: bool
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.crash_in_a_sale(20, sent)
        duty = bench.resolving()
        assert await duty.round() == 0  # their leases are not over
        assert await bury(BOOK, "next.", bench.desk, bench.pool, *KINDS) == 20
        assert await bury(BOOK, "next.", bench.desk, bench.pool, *KINDS) == 0

        async def done() -> bool:
            succeeded = "SELECT count(*) FROM nostro.payment_intents WHERE status = 'succeeded'"
            return bool(await bench.value(succeeded) == 20)

        await see_through(duty, done)
        assert await bench.value("SELECT count(*) FROM nostro.charges") == 20
        for (reference,) in await bench.pool.fetch("SELECT id FROM nostro.payment_attempts"):
            status, found = sandbox.inquire(reference)
            assert (status, found["outcome"]) == (200, "approved")

    play(database, sandbox, scenario)


def test_burying_spares_the_living(database: ConnectionUrls, sandbox: SandboxProcess) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.crash_in_a_sale()
        assert await bury(BOOK, "test", bench.desk, bench.pool, *KINDS) == 0
        assert await bench.resolving().round() == 0
        assert await bury(BOOK, "next.", bench.desk, bench.pool, *KINDS) == 1
        duty = bench.resolving()
        assert await duty.round() == 1
        await duty.close()

    play(database, sandbox, scenario)


def test_one_failing_item_does_not_stop_the_others(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.crash_in_a_sale(5)
        await bury(BOOK, "next.", bench.desk, bench.pool, *KINDS)
        poison = await bench.value("SELECT id FROM nostro.payment_attempts ORDER BY id LIMIT 1")
        tries = []

        class Poisoned:
            async def resolve(self, merchant: Merchant, identifier: str, /) -> object:
                if identifier == poison:
                    tries.append(identifier)
                    raise ValueError("poison")
                return await bench.world.payments.resolve(merchant, identifier)

        duty = Resolving("payments", HERE, bench.desk, due_attempts, Poisoned(), bench.fee_of)

        async def done() -> bool:
            live = "SELECT count(*) FROM nostro.payment_attempts WHERE state = 'sending'"
            return bool(await bench.value(live) == 1)

        await see_through(duty, done)
        for _ in range(5):
            await duty.round()
        assert len(tries) == 1  # it rests
        await bench.world.payments.resolve(bench.world.merchant, poison)

    play(database, sandbox, scenario)


def test_a_refund_left_open_is_finished(database: ConnectionUrls, sandbox: SandboxProcess) -> None:
    async def scenario(bench: Bench) -> None:
        world = bench.world
        charge = await world.sale(5_000)
        call = world.refunds._call

        async def dead(*_: Any) -> Any:
            raise ConnectionResetError

        world.refunds._call = dead  # type: ignore[method-assign]
        with pytest.raises(ConnectionResetError):
            await world.ask(charge, 1_000)
        world.refunds._call = call  # type: ignore[method-assign]
        assert await bury(BOOK, "next.", bench.desk, bench.pool, *KINDS) == 1
        duty = Resolving("refunds", HERE, bench.desk, due_refunds, world.refunds, bench.fee_of)

        async def done() -> bool:
            state = await bench.value("SELECT state FROM nostro.refunds")
            return bool(state == "succeeded")

        await see_through(duty, done)
        assert (await world.charge(charge.id)).amount_refunded == 1_000

    play(database, sandbox, scenario)


def test_funds_become_available_on_their_day(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.world.sale(10_000)
        duty = ReleasingFunds(HERE, bench.desk)
        assert await duty.round() == 0
        assert (await bench.world.free())[1] == 0
        bench.world.clock.business_ahead += 3 * DAY

        async def done() -> bool:
            return await bench.world.free() == (0, 10_000 - 320)

        await see_through(duty, done)
        assert await duty.round() == 0

    play(database, sandbox, scenario)


def test_a_hold_ends_when_its_time_is_over(
    database: ConnectionUrls, sandbox: SandboxProcess
) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.world.sale(3_000, capture="manual")
        duty = ExpiringHolds(HERE, bench.desk)
        assert await duty.round() == 0
        bench.world.clock.business_ahead += 8 * DAY

        async def done() -> bool:
            status = await bench.value("SELECT status FROM nostro.payment_intents")
            return bool(status == "canceled")

        await see_through(duty, done)
        assert await duty.round() == 0
        assert "charge.expired" in await bench.world.events()

    play(database, sandbox, scenario)


def test_old_answered_keys_are_forgotten(database: ConnectionUrls, sandbox: SandboxProcess) -> None:
    async def scenario(bench: Bench) -> None:
        charge = await bench.world.sale(3_000)
        keyed = bench.world.keyed("key")
        await bench.world.refunds.create(keyed, RefundRequest(charge.id, amount=100))
        duty = PruningKeys(HERE, bench.desk)
        assert await duty.round() == 0
        bench.world.clock.system_ahead += KEEP_MS + 1
        assert await duty.round() == 1
        assert await bench.value("SELECT count(*) FROM nostro.idempotency_keys") == 0

    play(database, sandbox, scenario)
