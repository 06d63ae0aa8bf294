"""Opens what concludes unknown outcomes for one command: conclusions of people, and reports that they bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nostro.acquirers.sandbox_report import read_report
from nostro.bootstrap.administration import acquirer_urls, urls
from nostro.bootstrap.graph import Graph, graph
from nostro.bootstrap.secret_files import kept_secret
from nostro.cli.programs import Proposals
from nostro.conclusions.model import Conclusion, EvidenceFile, Refused, Verdict
from nostro.conclusions.service import Conclusions
from nostro.config import Settings
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ids import birth_book
from nostro.kernel.outcome import Approved
from nostro.kernel.ports import Misreported, Report, ReportLine
from nostro.kernel.secret import Secret
from nostro.notifications.reports import News, Reports, Unfinished

T = TypeVar("T")


async def conclude(
    settings: Settings, book: int, question: Callable[[Conclusions], Awaitable[T]]
) -> T:
    """Ask or tell. Raises Misconfigured for a book that is not there."""
    app = (await urls(settings)).app
    secret = kept_secret(settings.data_dir / "api.key")
    async with graph(settings, app, "operator") as found:
        modes = dict(await found.services.merchants.books())
        if book not in modes:
            raise Misconfigured(f"there is no book {book}")
        return await question(_conclusions(found, secret, book, modes[book]))


async def propose_by(
    settings: Settings, acquirer: str, key: Secret, file: EvidenceFile
) -> Proposals:
    """Propose what a report says that a person brings. Raises Misconfigured for what is no report, or is not final."""
    app = (await urls(settings)).app  # where nothing runs, that is said first
    _known(settings, acquirer)
    secret = kept_secret(settings.data_dir / "api.key")
    try:
        report = read_report(file.body)
        async with graph(settings, app, "operator") as found:
            modes = dict(await found.services.merchants.books())
            rooms = [_conclusions(found, secret, book, live) for book, live in modes.items()]
            if not any([await room.knows(key) for room in rooms]):
                raise Misconfigured("that is no operator's key")
            news = await reports_of(found).news(acquirer, report, found.clock.system())

            async def propose(new: News) -> Conclusion | Refused:
                book = birth_book(new.line.reference)
                if new.why_not is not None or book not in modes:
                    return Refused(f"{new.line.reference}: {new.why_not}")
                people = _conclusions(found, secret, book, modes[book])
                return await _propose(people, key, report, new.line, file)

            answers = [await propose(new) for new in news]
            return Proposals(
                len(report.lines),
                [answer for answer in answers if isinstance(answer, Conclusion)],
                [answer.reason for answer in answers if isinstance(answer, Refused)],
            )
    except (Misreported, Unfinished) as error:
        raise Misconfigured(f"the report cannot be read: {error}") from error


async def _propose(
    people: Conclusions, key: Secret, report: Report, line: ReportLine, file: EvidenceFile
) -> Conclusion | Refused:
    reason = f"line {line.number} of the report {report.name}"
    word = line.evidence
    if isinstance(word, Approved):
        named = word.acquirer_reference
        return await people.propose(key, line.reference, Verdict.DONE, named, reason, file)
    return await people.propose(key, line.reference, Verdict.NOT_DONE, "", reason, file)


def _conclusions(found: Graph, secret: Secret, book: int, live: bool) -> Conclusions:
    services = found.services
    return Conclusions(
        book, live, found.deciders, found.pool, services.merchants, services.payments,
        services.refunds, secret, found.clock, found.entropy,
    )  # fmt: skip


def _known(settings: Settings, acquirer: str) -> None:
    known = acquirer_urls(settings)
    if acquirer not in known:
        raise Misconfigured(f"there is no acquirer {acquirer}: there are {', '.join(known)}")


def reports_of(found: Graph) -> Reports:
    """The reader of reports over a graph."""
    return Reports(found.pool, found.services.inbox, found.services.merchants)
