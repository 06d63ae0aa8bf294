"""Verifies one book in one snapshot: every check of ours, the full audit if it is asked for, then the acquirer's book."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.clock import SECOND, SystemTime
from nostro.kernel.ports import Clock
from nostro.kernel.queries import load
from nostro.verification import catalogue
from nostro.verification.acquirer_book import Columns, Pages
from nostro.verification.arrows import arrows
from nostro.verification.checks import ACQUIRER_CHECKS, CHECKS, Check
from nostro.verification.full import Told, audit
from nostro.verification.outside import Outside
from nostro.verification.report import Finding, Report, Result
from nostro.verification.snapshot import Snapshot, Stream

QUERIES = load("nostro.verification")
WATERMARK_SECONDS = 30
AHEAD_SECONDS = 30  # by so much another machine's clock may be ahead of this one's


async def books(snapshot: Snapshot) -> list[int]:
    """Every book there is."""
    return [row[0] for row in await snapshot.fetch(QUERIES["books"])]


async def has_begun(snapshot: Snapshot, book: int) -> bool:
    """Whether there is such a book, registered with card payments or not."""
    return bool(await snapshot.fetch(QUERIES["head"], book))


async def verify(
    snapshot: Snapshot,
    book: int,
    acquirer_book: Pages | None,
    clock: Clock,
    watermark_seconds: int = WATERMARK_SECONDS,
) -> Report:
    """Run every check. `acquirer_book` is read only after the snapshot stands; None leaves it out.

    Findings are values. Raises only what reading raises: a database or an acquirer out of reach.
    """
    now = clock.system()
    await snapshot.fetch(QUERIES["pin"], book)
    watermark = SystemTime(now - watermark_seconds * SECOND)
    told = (watermark, SystemTime(now + AHEAD_SECONDS * SECOND))
    more = {"audit_states": arrows(), "key_records": told, "account_records": told}
    results = [
        await _run(snapshot, check, clock, book, *more.get(check.name, ())) for check in CHECKS
    ]
    live = await snapshot.fetch(QUERIES["live"], book)
    report = Report(book, now, watermark, tuple(results), _total(live), _findings(live))
    if acquirer_book is None:
        return report
    return await _with_acquirer(snapshot, report, acquirer_book, clock)


async def _run(snapshot: Snapshot, check: Check, clock: Clock, *parameters: Any) -> Result:
    began = clock.system()
    rows = await snapshot.fetch(QUERIES[check.name], *parameters)
    return Result(check.name, check.proves, clock.system() - began, _total(rows), _findings(rows))


async def _with_acquirer(
    snapshot: Snapshot, report: Report, acquirer_book: Pages, clock: Clock
) -> Report:
    columns = Columns()
    async for page in acquirer_book:
        columns.add(page, report.book)
    began = clock.system()
    rows = await snapshot.fetch(
        QUERIES["sandbox_book"], report.book, report.watermark_ms, *columns.arrays()
    )
    took = clock.system() - began
    by_kind: dict[str, list[tuple[Any, ...]]] = {}
    for kind, *row in rows:
        by_kind.setdefault(kind, []).append(tuple(row))
    apart = by_kind.get("apart", [])
    return Report(
        report.book,
        report.snapshot_ms,
        report.watermark_ms,
        (*report.results, *(_of_kind(check, by_kind, took) for check in ACQUIRER_CHECKS)),
        _total(apart),
        _findings(apart),
        len(columns),
    )


def _of_kind(check: Check, rows: dict[str, list[tuple[Any, ...]]], took: int) -> Result:
    own = rows.get(check.name, [])
    return Result(check.name, check.proves, took, _total(own), _findings(own))


async def with_full_audit(
    snapshot: Stream, report: Report, outside: Outside, clock: Clock, told: Told
) -> Report:
    """The report of a book, and the full audit of it in the same snapshot. `told` hears how many batches are done."""
    began = clock.system()
    results, audited = await audit(snapshot, report.book, outside, told)
    schema = catalogue.compare(await catalogue.read(snapshot), catalogue.expected())
    took = clock.system() - began
    return msgspec.structs.replace(
        report,
        results=(*report.results, *results, schema.result),
        audited=msgspec.structs.replace(
            audited, milliseconds=took, not_compared=schema.not_compared
        ),
    )


def _total(rows: list[tuple[Any, ...]]) -> int:
    return rows[0][2] if rows else 0


def _findings(rows: list[tuple[Any, ...]]) -> tuple[Finding, ...]:
    return tuple(Finding(subject, detail) for subject, detail, _ in rows)
