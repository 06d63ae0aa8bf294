"""`nostro verify`: do the books agree? Prints the report; the exit code says whether all is well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.progress import Progress

from nostro.acquirers import sandbox_book
from nostro.audit.directory import LogDirectory, book_directory
from nostro.audit.log_keys import LogKeys
from nostro.cli.progress import Bars, Watched, bars
from nostro.db.snapshot import snapshot
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Clock
from nostro.system import SystemClock
from nostro.verification.outside import Outside
from nostro.verification.report import Report, to_json, to_text
from nostro.verification.service import WATERMARK_SECONDS, books, has_begun, verify, with_full_audit

CLEAN, OFF = 0, 1


_BOOK = re.compile(r"0|[1-9][0-9]{0,8}")  # a folder of another name is not ours


class Held(msgspec.Struct, frozen=True):
    """What a full audit may compare with: the directory of all logs, and the log's keys; None: not at hand."""

    logs: Path | None = None
    keys: LogKeys | None = None

    def outside(self, book: int) -> Outside:
        """What is held of one book, as it stands now."""
        directory = LogDirectory(book_directory(self.logs, book)) if self.logs else None
        return Outside.now(directory, self.keys)

    def books(self) -> set[int]:
        """The books that have a log there, whatever the database says."""
        names = (path.name.removeprefix("book-") for path in (self.logs or Path()).glob("book-*"))
        return {int(name) for name in names if _BOOK.fullmatch(name)} if self.logs else set()


async def run(
    database_url: str,
    acquirers: Mapping[str, str] | None,
    book_ids: Sequence[int] | None,
    as_json: bool,
    watermark_seconds: int = WATERMARK_SECONDS,
    full: Held | None = None,
) -> int:
    """Verify books (None: all there are) and print what was found. 0 is clean, 1 is not.

    `database_url` is that of the role that may only read, `acquirers` the URLs of sandboxes by name. With `full` everything is derived again. Raises
    DatabaseUnavailable, Unavailable, or Misconfigured for a book that is not there.
    """
    with bars(as_json) as watched:
        reports = await reports_of(
            database_url, acquirers, book_ids, SystemClock(), watermark_seconds, watched, full
        )
    print(to_json(reports) if as_json else to_text(reports))
    return CLEAN if all(report.clean for report in reports) else OFF


async def reports_of(
    database_url: str,
    acquirers: Mapping[str, str] | None,
    book_ids: Sequence[int] | None,
    clock: Clock,
    watermark_seconds: int = WATERMARK_SECONDS,
    watched: Bars | None = None,
    full: Held | None = None,
) -> list[Report]:
    """A report per book, each from a snapshot of its own."""
    watched = watched or Bars(Progress(disable=True))
    async with snapshot(database_url) as registry:
        known = await books(registry)
        if full is not None:  # a ledger of its own is in no register
            begun = [book for book in book_ids or () if await has_begun(registry, book)]
            known = sorted({*known, *begun})
    if full is not None:  # a book that was taken from the register still has its log
        known = sorted({*known, *full.books()})
    for book in book_ids or ():
        if book not in known:
            raise Misconfigured(f"there is no book {book}: there are {', '.join(map(str, known))}")
    reports = []
    for book in known if book_ids is None else book_ids:
        outside = full.outside(book) if full is not None else None
        async with snapshot(database_url) as frozen:
            pages = sandbox_book.books(acquirers) if acquirers else None
            reading = Watched(frozen, watched.checks(book))
            report = await verify(reading, book, pages, clock, watermark_seconds)
            if outside is not None:
                told = watched.batches(book)
                report = await with_full_audit(frozen, report, outside, clock, told)
            reports.append(report)
    return reports
