"""Webhooks out: each endpoint hears of every event it asked for at least once, in no promised order.

A cursor per endpoint runs over its account's events in the order of their commits. It moves past an event only after
the event was delivered, or its failure is a row that will be tried again; whatever dies in between, nothing is lost.
An endpoint that fails again and again is left alone for a while: its events wait in the log, at no cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, LiteralString, Protocol

import msgspec

from nostro.events.commands import ENABLED, STOPPED, RecordFailure, RecordRetry
from nostro.events.model import Delivery, Endpoint, Event
from nostro.events.store import DELIVERIES, ENDPOINTS, EVENTS, QUERIES
from nostro.kernel.clock import SystemTime, seconds
from nostro.kernel.ports import (
    Clock,
    Decider,
    Entropy,
    HttpSender,
    Reader,
    SecretBox,
    SendFailed,
)
from nostro.wire.webhook_signature import sign

PAGE_EVENTS = 100
AT_ONCE = 16
ENDPOINTS_AT_ONCE = 256
DUE_AT_ONCE = 200
_USER_AGENT = "Nostro/1.0 (webhooks)"
log = logging.getLogger(__name__)

Render = Callable[[int, Event, Endpoint], Awaitable[bytes]]


class CursorStore(Reader, Protocol):
    """Reads, and writes cursors: no command ever reads one."""

    async def write(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...


class Behind(msgspec.Struct, frozen=True):
    """An endpoint with events to hear of after `heard`."""

    endpoint: Endpoint
    heard: int


class EndpointDown(Exception):
    """An endpoint accepted nothing of a page, and should rest."""


class Deliveries:
    """Delivers events. `senders` are by mode: False for test books, True for live ones."""

    def __init__(
        self,
        decider: Callable[[int], Decider],
        store: CursorStore,
        senders: Mapping[bool, HttpSender],
        render: Render,
        box: SecretBox,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._decider, self._store, self._senders = decider, store, senders
        self._render, self._box, self._clock, self._entropy = render, box, clock, entropy

    # New events

    async def behind(self, book: int, without: Sequence[str], limit: int) -> list[Behind]:
        """Endpoints with something to hear, but for those in `without`."""
        rows = await self._store.fetch(QUERIES["find_endpoints_behind"], book, list(without), limit)
        return [Behind(ENDPOINTS.decode(row[1:]), row[0]) for row in rows]

    async def serve(self, book: int, behind: Behind, held: Callable[[], bool]) -> int:
        """Deliver what an endpoint has not heard of, page by page while `held()`; returns how many events."""
        endpoint, heard, served = behind.endpoint, behind.heard, 0
        if endpoint.status != ENABLED:
            await self._skip(book, endpoint)
            return 0
        while held():
            page = await self._page(book, endpoint, heard)
            if not page:
                break
            heard = await self._deliver_page(book, endpoint, page)
            served += len(page)
            if len(page) < PAGE_EVENTS:
                break
        return served

    async def _skip(self, book: int, endpoint: Endpoint) -> None:
        """What happens while an endpoint is disabled it never hears of."""
        rows = await self._store.fetch(QUERIES["find_last_event"], book, endpoint.account)
        if rows and rows[0][0] is not None:
            await self._store.write(QUERIES["move_cursor"], book, endpoint.id, rows[0][0])

    async def _page(self, book: int, endpoint: Endpoint, heard: int) -> list[tuple[int, Event]]:
        rows = await self._store.fetch(
            QUERIES["find_events_after"], book, endpoint.account, heard, PAGE_EVENTS
        )
        return [(row[0], EVENTS.decode(row[1:])) for row in rows]

    async def _deliver_page(
        self, book: int, endpoint: Endpoint, page: Sequence[tuple[int, Event]]
    ) -> int:
        """Deliver a page, record what failed, then move the cursor; returns how far it moved."""
        run = _Page(self, book, endpoint, page)
        await run.deliver()
        if run.failed:
            await asyncio.gather(*[self._record(book, endpoint, *one) for one in run.failed])
        await self._store.write(QUERIES["move_cursor"], book, endpoint.id, run.reached)
        if run.all_failed:
            raise EndpointDown(endpoint.id)
        return run.reached

    async def _record(
        self, book: int, endpoint: Endpoint, seq: int, event: Event, error: str
    ) -> None:
        seed = self._entropy.bytes(16)
        record = RecordFailure(book, seed, endpoint.id, event.id, seq, error)
        await self._decider(book).run(record)

    # Deliveries that failed before

    async def due(self, book: int, without: Sequence[str]) -> dict[str, list[Delivery]]:
        """Deliveries to be tried again, by endpoint, but for endpoints in `without`."""
        rows = await self._store.fetch(
            QUERIES["find_due_deliveries"], book, self._clock.system(), DUE_AT_ONCE, list(without)
        )
        found: dict[str, list[Delivery]] = {}
        for delivery in map(DELIVERIES.decode, rows):
            found.setdefault(delivery.endpoint, []).append(delivery)
        return found

    async def retry(
        self, book: int, endpoint: str, due: Sequence[Delivery], held: Callable[[], bool]
    ) -> None:
        """Try an endpoint's due deliveries again, and record what became of each."""
        rows = await self._store.fetch(ENDPOINTS.read, book, [endpoint])
        target = ENDPOINTS.decode(rows[0]) if rows else None
        rows = await self._store.fetch(EVENTS.read, book, [delivery.event for delivery in due])
        events = {event.id: event for event in map(EVENTS.decode, rows)}
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(delivery: Delivery) -> None:
            async with gate:
                if held():
                    await self._retry_one(book, target, events.get(delivery.event), delivery)

        await asyncio.gather(*[one(delivery) for delivery in due])

    async def _retry_one(
        self, book: int, endpoint: Endpoint | None, event: Event | None, delivery: Delivery
    ) -> None:
        error: str | None = STOPPED
        open_to_it = endpoint and endpoint.status == ENABLED and not endpoint.deleted
        if endpoint and event and open_to_it:
            error = await self.attempt_safely(book, endpoint, event)
        record = RecordRetry(book, self._entropy.bytes(16), delivery, error, not open_to_it)
        await self._decider(book).run(record)

    # One attempt

    async def attempt_safely(self, book: int, endpoint: Endpoint, event: Event) -> str | None:
        """As `attempt`; a mistake of ours is a failure like any other, so that it stops nobody else."""
        try:
            return await self.attempt(book, endpoint, event)
        except Exception as mistake:
            log.exception("event %s cannot be sent to %s", event.id, endpoint.id)
            return f"our mistake: {type(mistake).__name__}"

    async def attempt(self, book: int, endpoint: Endpoint, event: Event) -> str | None:
        """Send once, freshly signed; None if it was accepted (2xx), else what went wrong."""
        body = await self._render(book, event, endpoint)
        secret = self._box.open(endpoint.secret, endpoint.account, endpoint.id)
        now: SystemTime = self._clock.system()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, [secret.reveal()], seconds(now)),
            "User-Agent": _USER_AGENT,
        }
        try:
            status = await self._senders[endpoint.live].post(endpoint.url, body, headers)
        except SendFailed as error:
            return str(error)
        return None if 200 <= status < 300 else f"answered {status}"


class _Page:
    """One page on its way to one endpoint: a few at once, begun in order, stopped when all of them fail."""

    def __init__(
        self,
        deliveries: Deliveries,
        book: int,
        endpoint: Endpoint,
        page: Sequence[tuple[int, Event]],
    ) -> None:
        self._deliveries, self._book = deliveries, book
        self._endpoint, self._page = endpoint, page
        self._next = 0
        self._failed_in_a_row = 0
        self._accepted = 0
        self.reached = 0
        self.failed: list[tuple[int, Event, str]] = []

    @property
    def all_failed(self) -> bool:
        """Whether nothing was accepted, and something was refused."""
        return bool(self.failed) and not self._accepted

    @property
    def gave_up(self) -> bool:
        """Whether the endpoint failed as often in a row as it is asked at once."""
        return self._failed_in_a_row >= AT_ONCE

    async def deliver(self) -> None:
        """Every event it asked for, by a few hands."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(min(AT_ONCE, len(self._page))):
                hands.create_task(self._hand())

    async def _hand(self) -> None:
        while self._next < len(self._page) and not self.gave_up:
            seq, event = self._page[self._next]
            self._next += 1
            self.reached = seq
            if _wanted(event.type, self._endpoint):
                await self._one(seq, event)

    async def _one(self, seq: int, event: Event) -> None:
        error = await self._deliveries.attempt_safely(self._book, self._endpoint, event)
        if error is None:
            self._failed_in_a_row = 0
            self._accepted += 1
            return
        self._failed_in_a_row += 1
        self.failed.append((seq, event, error))


def _wanted(type: str, endpoint: Endpoint) -> bool:
    return "*" in endpoint.enabled_events or type in endpoint.enabled_events
