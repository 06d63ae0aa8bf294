"""Opens what concludes unknown outcomes for one command: conclusions of people, reports of acquirers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nostro.acquirers.sandbox_report import fetch_report
from nostro.acquirers.sandbox_report import read_report as read_report_file
from nostro.bootstrap.administration import acquirer_urls, urls
from nostro.bootstrap.graph import Graph, graph
from nostro.bootstrap.secret_files import kept_secret
from nostro.cli.programs import WantedReport
from nostro.conclusions.service import Conclusions
from nostro.config import Settings
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Misreported, Report
from nostro.notifications.reports import Heard, Reports, Unfinished

T = TypeVar("T")


async def conclude(
    settings: Settings, book: int, question: Callable[[Conclusions], Awaitable[T]]
) -> T:
    """Ask or tell. Raises Misconfigured for a book that is not there."""
    secret = kept_secret(settings.data_dir / "api.key")
    async with graph(settings, (await urls(settings)).app, "operator") as found:
        services = found.services
        modes = dict(await services.merchants.books())
        if book not in modes:
            raise Misconfigured(f"there is no book {book}")
        return await question(
            Conclusions(
                book, modes[book], found.deciders, found.pool, services.merchants,
                services.payments, services.refunds, secret, found.entropy,
            )
        )  # fmt: skip


async def read_report(settings: Settings, wanted: WantedReport) -> Heard:
    """Read a report. Raises Misconfigured for one that is no report, or is not final; Unavailable if it cannot be had."""
    kept_secret(settings.data_dir / "api.key")
    addresses = acquirer_urls(settings)
    if wanted.acquirer not in addresses:
        raise Misconfigured(
            f"there is no acquirer {wanted.acquirer}: there are {', '.join(addresses)}"
        )
    try:
        report = await _report(addresses[wanted.acquirer], wanted)
        async with graph(settings, (await urls(settings)).app, "operator") as found:
            return await reports_of(found).hear(wanted.acquirer, report, found.clock.system())
    except (Misreported, Unfinished) as error:
        raise Misconfigured(f"the report cannot be read: {error}") from error


async def _report(base_url: str, wanted: WantedReport) -> Report:
    if wanted.data is not None:
        return read_report_file(wanted.data)
    assert wanted.day is not None, "a file or a day"
    return await fetch_report(base_url, wanted.day)


def reports_of(found: Graph) -> Reports:
    """The reader of reports over a graph."""
    return Reports(found.pool, found.services.inbox, found.services.merchants)
