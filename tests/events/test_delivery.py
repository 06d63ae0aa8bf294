"""Webhooks on a real database to real servers: at least once, whatever fails, and nothing skipped."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from nostro.db.urls import ConnectionUrls
from nostro.events.commands import (
    CreateEndpoint,
    DeleteEndpoint,
    EndpointChanges,
    Redeliver,
    UpdateEndpoint,
)
from nostro.events.delivery import AT_ONCE, PAGE_EVENTS, Deliveries, EndpointDown
from nostro.events.emit import Origin
from nostro.events.model import Endpoint, Event
from nostro.events.sender import WebhookSender
from nostro.events.targets import LOCAL
from nostro.kernel.answer import Refusal
from nostro.kernel.clock import SystemTime
from nostro.kernel.secret import Secret
from nostro.vault.keyring import Keyring
from nostro.vault.text_seal import TextSeal
from nostro.work.webhooks import RetryingDeliveries, ServingEndpoints
from tests.books import ACCOUNT, BOOK, CLOCK, ENTROPY, Books, books_on
from tests.events.receiver import Receiver, receiver, statuses

ORIGIN = Origin(ACCOUNT, live=False)
SECRET = "whsec_of_a_test"
ENDPOINT = "we_1"


class Ahead:
    """The machine's clock, some time ahead."""

    ahead_ms = 0

    def business(self) -> Any:
        return CLOCK.business()

    def system(self) -> SystemTime:
        return SystemTime(CLOCK.system() + self.ahead_ms)

    async def sleep(self, milliseconds: int) -> None:
        await CLOCK.sleep(milliseconds)


async def render(book: int, event: Event, endpoint: Endpoint) -> bytes:
    shown = {"id": event.id, "object": "event", "type": event.type, "api_version": "x"}
    return json.dumps({**shown, "data": {"object": json.loads(event.snapshot)}}).encode()


@dataclass
class Scene:
    books: Books
    server: Receiver
    clock: Ahead
    box: TextSeal
    deliveries: Deliveries
    sender: WebhookSender

    async def endpoint(self, *types: str, id: str = ENDPOINT, url: str | None = None) -> None:
        sealed = self.box.seal(Secret(SECRET), ACCOUNT, id)
        await self.books.run(
            CreateEndpoint(
                BOOK, ENTROPY.bytes(16), ORIGIN, id, url or self.server.url, types or ("*",), sealed
            )
        )

    async def change(self, **changes: Any) -> Any:
        patch = EndpointChanges(**changes)
        return await self.books.run(
            UpdateEndpoint(BOOK, ENTROPY.bytes(16), ORIGIN, ENDPOINT, patch)
        )

    async def serve(self) -> None:
        """One look for endpoints that are behind, seen through."""
        for behind in await self.deliveries.behind(BOOK, [], 10):
            with suppress(EndpointDown):
                await self.deliveries.serve(BOOK, behind, lambda: True)

    async def retry(self) -> None:
        """One look for deliveries that are due, seen through."""
        for endpoint, due in (await self.deliveries.due(BOOK, [])).items():
            await self.deliveries.retry(BOOK, endpoint, due, lambda: True)

    async def states(self) -> list[tuple[Any, ...]]:
        return await self.books.rows(
            "SELECT state, attempts, last_error FROM nostro.webhook_deliveries WHERE book_id = $1"
            " ORDER BY event_seq",
            BOOK,
        )

    async def committed(self) -> set[str]:
        return {row[0] for row in await self.books.rows("SELECT id FROM nostro.events")}

    def received(self) -> list[str]:
        return [json.loads(body)["id"] for body in self.server.bodies]


@asynccontextmanager
async def scene(urls: ConnectionUrls, *codes: int) -> AsyncIterator[Scene]:
    async with books_on(urls) as books, receiver(statuses(*codes)) as server:
        clock = Ahead()
        box = TextSeal(Keyring.from_root(Secret("r" * 32)), ENTROPY)
        sender = WebhookSender(LOCAL, deadline_ms=2_000)
        deliveries = Deliveries(
            books.decider, books.pool, {False: sender, True: sender}, render, box, clock, ENTROPY
        )
        try:
            yield Scene(books, server, clock, box, deliveries, sender)
        finally:
            await sender.close()


def test_an_event_is_delivered_and_the_official_library_accepts_its_signature(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.books.happen("charge.succeeded")
            await it.endpoint()
            await it.books.happen("payment_intent.succeeded")
            await it.serve()
            await it.serve()
            assert len(it.server.bodies) == 1  # nothing from before its creation, nothing twice
            header = it.server.headers[0]["stripe-signature"]
            event = stripe.Webhook.construct_event(it.server.bodies[0], header, SECRET)  # type: ignore[no-untyped-call]
            assert event.type == "payment_intent.succeeded"
            with pytest.raises(stripe.SignatureVerificationError):
                stripe.Webhook.construct_event(it.server.bodies[0] + b" ", header, SECRET)  # type: ignore[no-untyped-call]
            assert await it.states() == []

    asyncio.run(scenario())


def test_an_endpoint_hears_of_its_own_account_and_types_alone(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint("refund.created")
            await it.books.happen("charge.succeeded", "refund.created", "charge.refunded")
            await it.books.happen("refund.created", account="acct_2")
            await it.serve()
            types = [json.loads(body)["type"] for body in it.server.bodies]
            assert types == ["refund.created"]
            assert await it.deliveries.behind(BOOK, [], 10) == []

    asyncio.run(scenario())


def test_a_failure_is_tried_again_when_due_and_then_succeeds(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database, 500, 302) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            await it.serve()
            assert await it.states() == [("due", 1, "answered 500")]
            await it.retry()
            assert len(it.server.bodies) == 1  # not due yet
            it.clock.ahead_ms = 10_000
            await it.retry()
            assert await it.states() == [("due", 2, "answered 302")]
            it.clock.ahead_ms = 60_000
            await it.retry()
            assert [row[:2] for row in await it.states()] == [("delivered", 3)]
            assert len(set(it.received())) == 1
            stamps = {header["stripe-signature"].split(",")[0] for header in it.server.headers}
            assert len(stamps) == 3  # signed afresh for each attempt

    asyncio.run(scenario())


def test_three_days_of_failures_end_in_giving_up(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database, *[503] * 100) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            await it.serve()
            for _ in range(30):
                it.clock.ahead_ms += 20 * 3_600_000
                await it.retry()
            assert [row[:2] for row in await it.states()] == [("given_up", 14)]
            assert len(it.server.bodies) == 14

    asyncio.run(scenario())


def test_a_crash_between_delivery_and_cursor_delivers_again(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")

            class Dying:
                """Reads, and dies when the cursor should move."""

                fetch = it.books.pool.fetch

                async def write(self, *_: Any) -> Any:
                    raise ConnectionResetError

            senders: Mapping[bool, Any] = {False: it.sender}
            dying = Deliveries(
                it.books.decider, Dying(), senders, render, it.box, it.clock, ENTROPY
            )
            (behind,) = await dying.behind(BOOK, [], 10)
            with pytest.raises(ConnectionResetError):
                await dying.serve(BOOK, behind, lambda: True)
            await it.serve()
            assert it.received() == [*await it.committed()] * 2

    asyncio.run(scenario())


def test_a_crash_between_the_failure_row_and_the_cursor_keeps_one_row(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with scene(database, 500, 500) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            await it.serve()
            await it.books.pool.write("UPDATE nostro.webhook_cursors SET seq = 0")
            await it.serve()
            assert await it.states() == [("due", 1, "answered 500")]

    asyncio.run(scenario())


def test_a_worker_cancelled_in_the_middle_loses_nothing(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint()
            await it.books.happen(*["charge.succeeded"] * 60)
            (behind,) = await it.deliveries.behind(BOOK, [], 10)
            work = asyncio.create_task(it.deliveries.serve(BOOK, behind, lambda: True))
            await it.server.until(5)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await it.serve()
            assert set(it.received()) == await it.committed()

    asyncio.run(scenario())


def test_nothing_is_skipped_while_events_are_committed(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it, books_on(database) as others:
            await it.endpoint()

            async def busy(books: Books) -> None:
                for _ in range(40):
                    await books.happen("charge.succeeded", "charge.updated")

            writers = asyncio.gather(*[busy(b) for b in (it.books, others) for _ in range(4)])
            while not writers.done():
                await it.serve()
            await writers
            await it.serve()
            received = it.received()
            assert len(received) == 640 > 2 * PAGE_EVENTS
            assert set(received) == await it.committed()

    asyncio.run(scenario())


def test_an_endpoint_that_is_down_costs_few_rows_and_its_events_wait(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with scene(database, *[500] * 31) as it:
            await it.endpoint()
            await it.books.happen(*["charge.succeeded"] * 150)
            await it.serve()
            tried = len(it.server.bodies)
            assert AT_ONCE <= tried < 2 * AT_ONCE  # each hand may have begun one more
            assert len(await it.states()) == tried
            it.server.answer = None
            await it.serve()
            it.clock.ahead_ms = 10_000
            await it.retry()
            assert set(it.received()) == await it.committed()
            assert {row[0] for row in await it.states()} == {"delivered"}

    asyncio.run(scenario())


def test_disabling_stops_retries_and_what_happens_meanwhile_is_never_heard(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with scene(database, 500) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            await it.serve()
            await it.change(disabled=True)
            await it.books.happen("charge.failed")
            await it.serve()
            it.clock.ahead_ms = 10_000
            await it.retry()
            assert [row[:2] for row in await it.states()] == [("given_up", 1)]
            await it.change(disabled=False)
            await it.books.happen("charge.expired")
            await it.serve()
            types = [json.loads(body)["type"] for body in it.server.bodies]
            assert types == ["charge.succeeded", "charge.expired"]

    asyncio.run(scenario())


def test_a_deleted_endpoint_hears_nothing_and_is_gone(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint()
            await it.books.run(DeleteEndpoint(BOOK, ENTROPY.bytes(16), ORIGIN, ENDPOINT))
            await it.books.happen("charge.succeeded")
            await it.serve()
            assert it.server.bodies == []
            gone = await it.change(disabled=True)
            assert isinstance(gone, Refusal)
            assert gone.status == 404

    asyncio.run(scenario())


def test_a_person_may_have_an_event_sent_once_more(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            await it.serve()
            ((event, seq),) = await it.books.rows("SELECT id, seq FROM nostro.events")
            again = Redeliver(BOOK, ENTROPY.bytes(16), ORIGIN, ENDPOINT, event, seq)
            await it.books.run(again)
            await it.retry()
            await it.retry()
            assert it.received() == [event, event]
            other = Origin("acct_2", live=False)
            stolen = Redeliver(BOOK, ENTROPY.bytes(16), other, ENDPOINT, event, seq)
            assert isinstance(await it.books.run(stolen), Refusal)

    asyncio.run(scenario())


def test_a_stalled_worker_neither_turns_a_cursor_back_nor_repeats_a_decision(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async with scene(database, 500) as it:
            await it.endpoint()
            await it.books.happen("charge.succeeded")
            (stalled,) = await it.deliveries.behind(BOOK, [], 10)
            await it.serve()
            await it.books.happen("charge.updated")
            await it.serve()
            (before,) = await it.books.rows("SELECT seq FROM nostro.webhook_cursors")
            it.clock.ahead_ms = 10_000
            due = await it.deliveries.due(BOOK, [])
            await it.retry()
            for endpoint, deliveries in due.items():
                await it.deliveries.retry(BOOK, endpoint, deliveries, lambda: True)
            assert [row[:2] for row in await it.states()] == [("delivered", 2)]
            first = stalled.heard + 1
            from nostro.events.store import QUERIES

            await it.books.pool.write(QUERIES["move_cursor"], BOOK, ENDPOINT, first)
            assert await it.books.rows("SELECT seq FROM nostro.webhook_cursors") == [before]
            count = len(it.server.bodies)
            assert await it.deliveries.serve(BOOK, stalled, lambda: False) == 0
            assert len(it.server.bodies) == count

    asyncio.run(scenario())


def test_a_secret_is_sealed_in_its_row_and_opens_in_no_other(database: ConnectionUrls) -> None:
    async def scenario() -> None:
        async with scene(database) as it:
            await it.endpoint()
            ((sealed,),) = await it.books.rows("SELECT secret FROM nostro.webhook_endpoints")
            assert SECRET not in sealed
            assert it.box.open(sealed, ACCOUNT, ENDPOINT).reveal() == SECRET
            for bound in ((ACCOUNT, "we_2"), ("acct_2", ENDPOINT), (ACCOUNT + ENDPOINT,)):
                with pytest.raises(Exception, match="does not open"):
                    it.box.open(sealed, *bound)

    asyncio.run(scenario())


def test_a_slow_endpoint_delays_no_other_and_the_duties_work_by_themselves(
    database: ConnectionUrls,
) -> None:
    async def scenario() -> None:
        async def hang(number: int) -> Any:
            await asyncio.sleep(30)

        async with scene(database) as it, receiver(hang) as slow:
            await it.endpoint()
            await it.endpoint(id="we_2", url=slow.url)
            serving = ServingEndpoints(BOOK, it.deliveries, it.clock, lambda: True)
            retrying = RetryingDeliveries(BOOK, it.deliveries, it.clock, lambda: True)
            try:
                await it.books.happen("charge.succeeded")
                assert await serving.round() == 2
                await it.server.until(1)
                await it.books.happen("charge.updated")
                async with asyncio.timeout(1.5):
                    while len(it.server.bodies) < 2:
                        await serving.round()
                        await asyncio.sleep(0.01)
                assert await retrying.round() == 0
            finally:
                await serving.close()
                await retrying.close()

    asyncio.run(scenario())
