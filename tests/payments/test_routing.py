"""Payments over two acquirers: routed by rules, failed over only where no money moved, and followed up where they went."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest

from nostro.db.urls import ConnectionUrls
from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Answer, Refusal, decode
from nostro.kernel.clock import DAY
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import CardDetails
from nostro.kernel.queries import load
from nostro.kernel.secret import Pan
from nostro.kernel.table import text_array
from nostro.ledger import chart
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.model import Attempt, Intent, Terms
from nostro.payments.service import Merchant, Reply
from nostro.payments.store import ATTEMPTS, INTENTS
from nostro.refunds.machine import RefundState
from nostro.routing.caps import OwnCap
from nostro.routing.model import BreakerTerms, Rule, Rules
from tests.refunds.judge import RULES
from tests.refunds.world import BOOK, LEASE_MS, VISA, World, a_world, answer_of
from tests.sandbox.process import SandboxProcess, eventually
from tests.work.test_duties import OnFile

CHECKS = load("nostro.verification")
NO_ANSWER = "4000000000000119"  # declined with processing_error
NO_FUNDS = "4000000000009995"
SECOND_FIRST = Rules((Rule("second", priority=-1), Rule("sandbox")))
SOFT = Rules(soft_declines=("processing_error",))
Scenario = Callable[[World], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SandboxProcess]]:
    made = [SandboxProcess(tmp_path_factory.mktemp(name)) for name in ("first", "second")]
    yield made
    for process in made:
        assert process.terminate() == 0


@pytest.fixture
def play(database: ConnectionUrls, pair: list[SandboxProcess]) -> Iterator[Play]:
    """Runs a scenario on two acquirers, and judges the books."""

    async def played(scenario: Scenario, rules: Rules | None) -> None:
        others = {"second": pair[1]}
        async with a_world(database, pair[0], FeeSchedule(), others=others, rules=rules) as world:
            await world.payments._cards.open_for_business(world.reader)
            await scenario(world)
            for rule, statement in RULES.items():
                assert await world.reader.fetch(statement, BOOK) == [], rule
            for check in ("charge_attempts", "intents", "keys_in_flight", "events", "hold_owners"):
                assert await world.reader.fetch(CHECKS[check], BOOK) == [], check

    def run(scenario: Scenario, rules: Rules | None = None) -> None:
        asyncio.run(played(scenario, rules))

    yield run
    for process in pair:
        eventually(lambda process=process: listens(process))  # type: ignore[misc]
        process.call("DELETE", "/control/faults")


def listens(sandbox: SandboxProcess) -> bool:
    try:
        return bool(sandbox.call("GET", "/health")[0] == 200)
    except OSError:
        return False


async def ask(
    world: World, number: str = VISA, capture: str = "automatic", merchant: Merchant | None = None
) -> Reply:
    method = await world.run(OnFile(BOOK, world.entropy.bytes(16)))
    changes = Changes(2_000, "usd", None, capture, Terms(), MethodChoice(method))
    card = CardDetails(Pan(number), 12, 2049)
    return await world.payments.create(merchant or world.merchant, changes, True, card)


def intent_of(reply: Reply) -> Intent:
    return msgspec.json.decode(answer_of(reply).snapshot, type=Intent)


async def attempts(world: World) -> list[Attempt]:
    """In the order in which they were made."""
    rows = await world.reader.fetch(
        "SELECT id FROM nostro.payment_attempts WHERE book_id = $1 ORDER BY first_sent, id", BOOK
    )
    found = await world.reader.fetch(ATTEMPTS.read, BOOK, text_array([row[0] for row in rows]))
    by_id = {row.id: row for row in map(ATTEMPTS.decode, found)}
    return [by_id[row[0]] for row in rows]


async def told(world: World) -> list[tuple[str, str]]:
    return [(each.acquirer, str(each.state)) for each in await attempts(world)]


def lines(pair: list[SandboxProcess], reference: str) -> list[int]:
    return [sum(line["reference"] == reference for line in each.book()) for each in pair]


def nobody_listens(sandbox: SandboxProcess, milliseconds: int = 800) -> None:
    sandbox.fault(fault="refuse", operation="*", delay_ms=milliseconds)


async def until_refused(sandbox: SandboxProcess) -> None:
    await asyncio.to_thread(eventually, lambda: not listens(sandbox))


def test_a_payment_and_all_that_follows_go_where_the_rules_say(
    play: Play, pair: list[SandboxProcess]
) -> None:
    async def scenario(world: World) -> None:
        held = intent_of(await ask(world, capture="manual"))
        assert (await attempts(world))[0].acquirer == "second"
        captured = intent_of(await world.payments.capture(world.merchant, held.id, None, {}))
        assert captured.status == "succeeded" and captured.latest_charge is not None
        refund = await world.refund(captured.latest_charge, 500)
        assert (refund.state, refund.acquirer) == (RefundState.SUCCEEDED, "second")
        other = intent_of(await ask(world, capture="manual"))
        assert intent_of(await world.payments.cancel(world.merchant, other.id, None)).status == (
            "canceled"
        )
        for each in await attempts(world):
            assert lines(pair, each.id) == [0, 1]
        assert lines(pair, refund.id) == [0, 1]
        codes = await world.reader.fetch(
            "SELECT code FROM nostro.ledger_accounts WHERE book_id = $1", BOOK
        )
        assert (chart.clearing("second", "usd"),) in codes
        assert (chart.clearing("sandbox", "usd"),) not in codes

    play(scenario, SECOND_FIRST)


def test_a_lost_answer_is_asked_for_where_it_was_sent(
    play: Play, pair: list[SandboxProcess]
) -> None:
    async def scenario(world: World) -> None:
        pair[1].fault(fault="reply_lost", operation="authorize", count=1)
        assert intent_of(await ask(world)).status == "processing"
        [only] = await attempts(world)
        world.clock.system_ahead += LEASE_MS
        await world.payments.resolve(world.merchant, only.id)
        assert await told(world) == [("second", "approved")]

    play(scenario, SECOND_FIRST)


def test_a_refused_connection_goes_on_to_the_next_and_answers_its_key_once(
    play: Play, pair: list[SandboxProcess]
) -> None:
    async def scenario(world: World) -> None:
        nobody_listens(pair[0])
        await until_refused(pair[0])
        reply = await ask(world, merchant=world.keyed("failed-over"))
        intent = intent_of(reply)
        assert intent.status == "succeeded"
        assert await told(world) == [("sandbox", "not_sent"), ("second", "approved")]
        first, second = await attempts(world)
        assert first.id != second.id and first.charge != second.charge
        assert (await world.charge(first.charge)).status == "failed"
        assert intent.latest_charge == second.charge
        await asyncio.to_thread(eventually, lambda: listens(pair[0]))
        assert lines(pair, second.id) == [0, 1]
        again = await world.payments.create(
            world.keyed("failed-over"), Changes(2_000, "usd", None, "automatic", Terms()), True
        )
        assert isinstance(again, Replayed) and decode(again.answer) == reply
        events = await world.events()
        assert events.count("payment_intent.payment_failed") == 0
        assert events.count("payment_intent.succeeded") == 1
        assert events.count("charge.failed") == 1

    play(scenario)


def test_a_rejected_message_goes_on_to_the_next(play: Play, pair: list[SandboxProcess]) -> None:
    async def scenario(world: World) -> None:
        call = world.payments._call

        async def buried(attempt: Attempt, card: CardDetails | None) -> Any:
            if attempt.acquirer == "sandbox":  # so that the acquirer itself rejects it
                pair[0].post("cancel", reference=attempt.id)
            return await call(attempt, card)

        world.payments._call = buried  # type: ignore[method-assign]
        assert intent_of(await ask(world)).status == "succeeded"
        assert await told(world) == [("sandbox", "rejected"), ("second", "approved")]

    play(scenario)


@pytest.mark.parametrize(
    "fault", ["reply_lost", "request_lost", "error_before", "error_after", "truncated"]
)
def test_unknown_never_goes_on(play: Play, pair: list[SandboxProcess], fault: str) -> None:
    async def scenario(world: World) -> None:
        pair[0].fault(fault=fault, operation="authorize", count=1)
        assert intent_of(await ask(world)).status == "processing"
        assert await told(world) == [("sandbox", "unknown")]
        assert [line for line in pair[1].book() if line["reference"] == (await attempts(world))[0].id] == []  # fmt: skip

    play(scenario)


def test_a_decline_goes_on_only_if_it_is_listed(play: Play) -> None:
    async def scenario(world: World) -> None:
        assert isinstance(await ask(world, NO_ANSWER), Refusal)
        assert await told(world) == [("sandbox", "declined")]

    play(scenario)


def test_a_listed_decline_goes_on_and_the_last_word_is_the_merchants(play: Play) -> None:
    async def scenario(world: World) -> None:
        reply = await ask(world, NO_ANSWER)
        assert isinstance(reply, Refusal) and reply.code == "processing_error"
        assert await told(world) == [("sandbox", "declined"), ("second", "declined")]
        assert (await world.events()).count("payment_intent.payment_failed") == 1

    play(scenario, SOFT)


def test_the_networks_cap_counts_the_cards_declines(play: Play) -> None:
    async def scenario(world: World) -> None:
        for expected in (2, 3, 4):  # two tries; then the cap of two is reached: one each
            await ask(world, NO_ANSWER)
            assert len(await attempts(world)) == expected
        world.clock.business_ahead += 31 * DAY
        await ask(world, NO_ANSWER)
        assert len(await attempts(world)) == 6, "the days that count are over"

    capped = {"visa": OwnCap((), 2, 30)}
    play(scenario, Rules(soft_declines=("processing_error",), retry_caps=capped))


def test_one_try_is_enough_if_the_rules_say_so(play: Play) -> None:
    async def scenario(world: World) -> None:
        await ask(world, NO_ANSWER)
        assert await told(world) == [("sandbox", "declined")]

    play(scenario, Rules(soft_declines=("processing_error",), tries_max=1))


def test_a_payment_that_no_rule_lets_in_is_refused_and_nothing_is_made(play: Play) -> None:
    async def scenario(world: World) -> None:
        reply = await ask(world)
        assert isinstance(reply, Refusal)
        assert (reply.status, reply.type, reply.saved) == (400, "invalid_request_error", False)
        assert await attempts(world) == []
        assert await world.reader.fetch("SELECT id FROM nostro.payment_intents WHERE book_id = $1", BOOK) == []  # fmt: skip

    play(scenario, Rules((Rule("second", currencies=("eur",)),)))


def test_an_open_circuit_sends_payments_elsewhere_until_a_trial_succeeds(
    play: Play, pair: list[SandboxProcess]
) -> None:
    async def scenario(world: World) -> None:
        pair[0].fault(fault="error_before", operation="authorize", count=4)
        for _ in range(4):
            await ask(world)
        assert {each.acquirer for each in await attempts(world)} == {"sandbox"}
        assert intent_of(await ask(world)).status == "succeeded"
        assert (await told(world))[-1] == ("second", "approved")
        world.clock.system_ahead += 1_001
        assert intent_of(await ask(world)).status == "succeeded"
        assert (await told(world))[-1] == ("sandbox", "approved"), "the trial"

    play(scenario, Rules(breaker=BreakerTerms(60_000, 4, 50, 1_000)))


def test_where_every_circuit_is_open_nothing_is_sent(
    play: Play, pair: list[SandboxProcess]
) -> None:
    async def scenario(world: World) -> None:
        pair[1].fault(fault="error_before", operation="authorize", count=2)
        for _ in range(2):
            await ask(world)
        reply = await ask(world)
        assert isinstance(reply, Refusal) and reply.code == "processing_error"
        last = (await attempts(world))[-1]
        assert (last.acquirer, last.state) == ("second", "not_sent")
        assert "circuit" in str(last.evidence)
        assert lines(pair, last.id) == [0, 0]

    rules = Rules((Rule("second"),), breaker=BreakerTerms(60_000, 2, 50, 60_000))
    play(scenario, rules)


def test_a_crash_between_two_tries_is_finished_where_it_stood(
    play: Play, pair: list[SandboxProcess]
) -> None:
    """The next try is durable before it leaves; the worker finds it and asks its own acquirer."""

    async def scenario(world: World) -> None:
        nobody_listens(pair[0])
        await until_refused(pair[0])
        call = world.payments._call

        async def dies(attempt: Attempt, card: CardDetails | None) -> Any:
            if attempt.acquirer == "second":
                raise ConnectionResetError
            return await call(attempt, card)

        world.payments._call = dies  # type: ignore[method-assign]
        with pytest.raises(ConnectionResetError):
            await ask(world)
        assert await told(world) == [("sandbox", "not_sent"), ("second", "sending")]
        world.payments._call = call  # type: ignore[method-assign]
        world.clock.system_ahead += LEASE_MS
        settled = await world.payments.resolve(world.merchant, (await attempts(world))[1].id)
        assert settled is not None and isinstance(settled.answer, Answer)
        assert await told(world) == [("sandbox", "not_sent"), ("second", "approved")]
        rows = await world.reader.fetch(
            "SELECT id FROM nostro.payment_intents WHERE book_id = $1", BOOK
        )
        found = await world.reader.fetch(INTENTS.read, BOOK, text_array([rows[0][0]]))
        assert INTENTS.decode(found[0]).status == "succeeded"

    play(scenario)
