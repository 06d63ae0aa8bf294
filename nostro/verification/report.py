"""What a verification found, as JSON and for people."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A row that is off, and what is wrong with it."""

    subject: str
    detail: str


class Result(msgspec.Struct, frozen=True):
    """One check of one book. `count` is how many rows are off; at most twenty are named."""

    check: str
    proves: str
    milliseconds: int
    count: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is off."""
        return self.count == 0


class Anchored(msgspec.Struct, frozen=True):
    """What was compared outside the database: the newest checkpoint there, and the largest that is of this tree."""

    newest: int
    fits: int


class Audited(msgspec.Struct, frozen=True):
    """What a full audit went through. `anchored` is None if nothing outside the database was compared."""

    batches: int
    transfers: int
    unsigned_batches: int
    anchored: Anchored | None
    milliseconds: int = 0
    not_compared: tuple[str, ...] = ()  # of the schema


class Report(msgspec.Struct, frozen=True):
    """All checks of one book in one snapshot. `apart` is live or younger than the watermark: no error."""

    book: int
    snapshot_ms: int
    watermark_ms: int
    results: tuple[Result, ...]
    apart_count: int = 0
    apart: tuple[Finding, ...] = ()
    acquirer_operations: int | None = None  # None: the acquirer's book was not asked for
    audited: Audited | None = None  # None: the full audit was not asked for

    @property
    def clean(self) -> bool:
        """Whether every check passed."""
        return all(result.passed for result in self.results)

    def off(self) -> dict[str, tuple[str, ...]]:
        """The names of the checks that failed, and the rows each names."""
        failed = (result for result in self.results if not result.passed)
        return {result.check: tuple(f.subject for f in result.findings) for result in failed}


def to_json(reports: list[Report]) -> str:
    """The reports of all books, with one verdict."""
    clean = all(report.clean for report in reports)
    return msgspec.json.encode({"clean": clean, "books": reports}).decode()


def to_text(reports: list[Report]) -> str:
    """The reports of all books for people: a line per check, and below it what is off."""
    return "\n".join(line for report in reports for line in _lines(report))


def _lines(report: Report) -> list[str]:
    lines = [f"Book {report.book}: {'clean' if report.clean else 'NOT CLEAN'}"]
    for result in report.results:
        lines += _of_result(result)
    if report.acquirer_operations is None:
        lines.append("  --  the acquirer's book was not compared")
    else:
        lines.append(f"  --  {report.acquirer_operations} operations in the acquirer's book")
    if report.audited is not None:
        lines += _of_audit(report.audited)
    if report.apart_count:
        lines.append(f"  --  {report.apart_count} live or too young to judge")
    return lines


def _of_audit(audited: Audited) -> list[str]:
    went = f"{audited.batches} batches and {audited.transfers} transfers derived again"
    unsigned = f"{audited.unsigned_batches} batches not signed yet"
    lines = [f"  --  {went} ({audited.milliseconds} ms), {unsigned}"]
    lines += [f"  --  of the schema not compared: {said}" for said in audited.not_compared]
    if audited.anchored is None:
        said = (
            "the external anchor was not compared: a book rewritten as a whole would look like this"
        )
        return [*lines, f"  --  {said} (--log-dir)"]
    found = audited.anchored
    return [
        *lines,
        f"  --  the log outside the database is of {found.newest} batches; it fits up to {found.fits}",
    ]


def _of_result(result: Result) -> list[str]:
    mark = "ok  " if result.passed else "OFF "
    took = f" ({result.milliseconds} ms)" if result.milliseconds else ""
    lines = [f"  {mark}{result.check}: {result.proves}{took}"]
    lines += [f"        {finding.subject}: {finding.detail}" for finding in result.findings]
    if result.count > len(result.findings):
        lines.append(f"        and {result.count - len(result.findings)} more")
    return lines
