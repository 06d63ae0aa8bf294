"""A cancel by reference that is late: it undoes what was approved meanwhile, so nothing may be approved meanwhile."""

import asyncio

from nostro.db.urls import ConnectionUrls
from nostro.kernel.outcome import Unknown
from nostro.kernel.ports import CardDetails
from nostro.kernel.secret import Pan
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.due import due_attempts
from nostro.payments.model import Terms
from tests.refunds.world import KeepMethod
from tests.spec.instances import BOOK, Instance, Stage, a_stage

CARD = CardDetails(Pan("4242424242424242"), 12, 2049)


async def in_doubt(stage: Stage) -> str:
    """A sale whose first message was lost; returns its reference."""
    method = await stage.front.run(
        KeepMethod(BOOK, stage.entropy.bytes(16), "acct_shop", "pm_card_visa")
    )
    changes = Changes(10_000, "usd", None, "automatic", Terms(), MethodChoice(method))
    gates = (api := stage.instance("api")).gates
    await gates.start(api.payments.create(stage.merchant, changes, True, CARD))
    await gates.go("to_send")
    await gates.go("waiting", Unknown("lost"))
    await gates.go("to_settle")
    return await due(stage)


async def due(stage: Stage) -> str:
    stage.leases_end()
    found = await due_attempts(stage.reader, BOOK, stage.clock.system(), 10)
    return found[0].id


async def replay_until_rejected(stage: Stage, worker: Instance, attempt: str) -> None:
    """A worker finds nothing, sends again, is turned away, and its cancel is on its way."""
    gates = worker.gates
    await gates.start(worker.payments.resolve(stage.merchant, attempt))
    await gates.go("to_inquire", stage.book.answer(attempt, "not_found"))
    await gates.go("to_count")
    await gates.go("to_send")
    await gates.go("waiting", stage.book.answer(attempt, "rejected"))
    await gates.go("to_mark")
    await gates.go("to_cancel")
    assert gates.at == "waiting_cancel"


def test_after_a_cancel_may_have_left_nothing_but_a_cancel_follows(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with a_stage(database) as stage:
            attempt = await in_doubt(stage)
            first = stage.instance("first")
            await replay_until_rejected(stage, first, attempt)
            await first.gates.die()
            assert await due(stage) == attempt
            second = stage.instance("second")
            gates = second.gates
            await gates.start(second.payments.resolve(stage.merchant, attempt))
            assert gates.at == "to_cancel", "sent or asked about again, it could be found approved"
            await gates.go("to_cancel")
            await gates.go(
                "waiting_cancel", stage.book.answer(attempt, stage.book.cancel(attempt, "sale"))
            )
            await gates.go("to_settle")
            stage.book.cancel(attempt, "sale")  # the first one's, late
            assert gates.result().applied and stage.book.states == {attempt: "tombstone"}
            rows = await stage.reader.fetch(
                "SELECT state FROM nostro.payment_attempts WHERE book_id = $1", BOOK
            )
            assert rows == [("undone",)]

    asyncio.run(scenario())
