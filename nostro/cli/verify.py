"""`nostro verify`: do the books agree? Prints the report; the exit code says whether all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nostro.acquirers import sandbox_book
from nostro.cli.progress import Watched, reads
from nostro.db.snapshot import snapshot
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Clock
from nostro.system import SystemClock
from nostro.verification.report import Report, to_json, to_text
from nostro.verification.service import WATERMARK_SECONDS, books, verify

CLEAN, OFF = 0, 1


async def run(
    database_url: str,
    sandbox_url: str | None,
    book_ids: Sequence[int] | None,
    as_json: bool,
    watermark_seconds: int = WATERMARK_SECONDS,
) -> int:
    """Verify books (None: all there are) and print what was found. 0 is clean, 1 is not.

    `database_url` is that of the role that may only read. Raises DatabaseUnavailable,
    Unavailable, or Misconfigured for a book that is not there.
    """
    with reads(as_json) as begin:
        reports = await reports_of(
            database_url, sandbox_url, book_ids, SystemClock(), watermark_seconds, begin
        )
    print(to_json(reports) if as_json else to_text(reports))
    return CLEAN if all(report.clean for report in reports) else OFF


def _unwatched(book: int) -> Callable[[], None]:
    return lambda: None


async def reports_of(
    database_url: str,
    sandbox_url: str | None,
    book_ids: Sequence[int] | None,
    clock: Clock,
    watermark_seconds: int = WATERMARK_SECONDS,
    begin: Callable[[int], Callable[[], None]] = _unwatched,
) -> list[Report]:
    """A report per book, each from a snapshot of its own."""
    async with snapshot(database_url) as registry:
        known = await books(registry)
    for book in book_ids or ():
        if book not in known:
            raise Misconfigured(f"there is no book {book}: there are {', '.join(map(str, known))}")
    reports = []
    for book in known if book_ids is None else book_ids:
        async with snapshot(database_url) as frozen:
            pages = sandbox_book.pages(sandbox_url) if sandbox_url else None
            watched = Watched(frozen, begin(book))
            reports.append(await verify(watched, book, pages, clock, watermark_seconds))
    return reports
