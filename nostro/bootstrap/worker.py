"""The worker of one process: every duty of every book, wired."""

from __future__ import annotations

import asyncio
import os
import signal

import uvloop

from nostro.acquirers.places import places
from nostro.acquirers.sandbox_report import SandboxReports
from nostro.api import versions
from nostro.api.reading import Reading
from nostro.api.render import encode, event
from nostro.bootstrap.app_url import app_url
from nostro.bootstrap.concluding import reports_of
from nostro.bootstrap.graph import Graph, graph, webhook_targets
from nostro.bootstrap.log import publisher
from nostro.config import Settings
from nostro.events.delivery import Deliveries
from nostro.events.model import Endpoint, Event
from nostro.events.sender import WebhookSender
from nostro.kernel.money import FeeSchedule
from nostro.payments.claim import EndLeases
from nostro.payments.due import attempts_ahead, due_attempts
from nostro.refunds.claim import EndRefundLeases
from nostro.refunds.due import due_refunds, held_refunds, refunds_ahead
from nostro.work.audit_duty import Auditing
from nostro.work.clock_duty import End, EndingLeasesAhead, FindAhead
from nostro.work.duties import (
    Book,
    Desk,
    Duty,
    ExpiringHolds,
    PruningKeys,
    ReleasingFunds,
    ReleasingHolds,
    Resolving,
    TellingSettings,
)
from nostro.work.leases import Lease
from nostro.work.log_duties import Publishing, TakingSnapshots
from nostro.work.loop import Worker, run_worker
from nostro.work.overdue_duty import TellingOverdue
from nostro.work.predecessors import ATTEMPTS, Holdings, bury
from nostro.work.report_duty import ReadingReports
from nostro.work.webhooks import RetryingDeliveries, ServingEndpoints

# The worker yields to the API: a webhook can wait, a payment should not.
NICENESS = 10
REFUNDS = Holdings(held_refunds, EndRefundLeases)


class Work:
    """Everything the worker does, over one graph."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self._graph, self._settings = graph, settings
        self._desk = Desk(graph.deciders, graph.pool, graph.clock, graph.entropy)
        self._reports = {place.name: SandboxReports(place.url) for place in places(settings)}
        targets = webhook_targets(settings)
        self._senders = {live: WebhookSender(policy) for live, policy in targets.items()}
        self._deliveries = Deliveries(
            graph.deciders, graph.pool, self._senders, self._rendered, graph.box, graph.clock,
            graph.entropy,
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        """End the leases of dead predecessors, then work until `stop` is set."""
        graph = self._graph
        generation = self._settings.generation
        if generation is not None:
            for book in await self._books():
                await bury(
                    book.id, generation, self._desk, graph.pool, ATTEMPTS, REFUNDS,
                    longest_ms=graph.services.payments.timing.longest_lease_ms,
                )  # fmt: skip
        worker = Worker(self._books, self._duties, graph.pool, graph.clock, graph.instance)
        try:
            await run_worker(worker, stop)
        finally:
            for sender in self._senders.values():
                await sender.close()

    async def _books(self) -> list[Book]:
        return [Book(*row) for row in await self._graph.services.merchants.books()]

    def _duties(self, book: Book, lease: Lease) -> list[Duty]:
        services, desk = self._graph.services, self._desk

        def held() -> bool:
            return lease.held

        return [
            Resolving("attempts", book, desk, due_attempts, services.payments, self._fee_of),
            Resolving("refunds", book, desk, due_refunds, services.refunds, self._fee_of),
            self._righting(book, attempts_ahead, EndLeases, "attempts' leases"),
            self._righting(book, refunds_ahead, EndRefundLeases, "refunds' leases"),
            ReleasingFunds(book, desk),
            ExpiringHolds(book, desk),
            ReleasingHolds(book, desk),
            PruningKeys(book, desk),
            TellingSettings(book, desk, services.merchants),
            ServingEndpoints(book.id, self._deliveries, desk.clock, held),
            RetryingDeliveries(book.id, self._deliveries, desk.clock, held),
            Publishing(
                publisher(self._settings, self._graph.pool, book.id, desk.clock), book, desk
            ),
            TakingSnapshots(book, desk),
            Auditing(book, desk),
            TellingOverdue(book, desk),
            ReadingReports(book, desk, reports_of(self._graph), self._reports),
        ]

    def _righting(self, book: Book, find: FindAhead, end: End, name: str) -> Duty:
        timing = self._graph.services.payments.timing
        return EndingLeasesAhead(name, book, self._desk, timing.longest_lease_ms, find, end)

    async def _fee_of(self, account: str) -> FeeSchedule:
        found = await self._graph.services.merchants.find(account)
        assert found is not None, "an attempt has its account"
        return found.fee

    async def _rendered(self, book: int, happened: Event, endpoint: Endpoint) -> bytes:
        """The event as this endpoint's version shows it."""
        version = endpoint.api_version or versions.LATEST
        body = event(happened, version)
        if not versions.is_newest(version):
            reading = Reading(self._graph.pool, book, endpoint.account)
            now = self._graph.clock.business()
            body, _ = await versions.adapted(body, version, reading.fetch, now)
        return encode(body)


def run(settings: Settings) -> None:
    """Work until asked to stop."""
    os.nice(NICENESS)
    uvloop.run(_work(settings, asyncio.run(app_url(settings))))


async def _work(settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with graph(settings, url, "worker") as found:
        await Work(found, settings).run(stop)
