"""The sandbox's daily settlement file, read: checked as a whole first, then line by line.

Its layout is in `sandbox/settlement.py`: a header, the names of the columns, lines, a total for each currency, a trailer.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date

import aiohttp

from nostro.kernel.errors import Unavailable
from nostro.kernel.outcome import Approved, Declined, Evidence, Operation, Undone
from nostro.kernel.ports import Claims, Misreported, Report, ReportLine

FORMAT = "nostro_sandbox"
COLUMNS = (
    "record", "type", "reference", "acquirer_reference", "original", "merchant", "currency",
    "gross", "fee", "net",
)  # fmt: skip
FETCH_SECONDS = 60
TEXT_MAX = 255
# What each type of line is about, and the sign of its gross, from the merchant's side.
_KINDS = {
    "sale": (Operation.SALE, 1),
    "capture": (Operation.CAPTURE, 1),
    "refund": (Operation.REFUND, -1),
    "sale_reversal": (Operation.SALE, -1),
    "refund_failure": (Operation.REFUND, 1),
}


def read_report(data: bytes) -> Report:
    """The report in a file. Raises Misreported for one that is cut off, changed, or of another layout."""
    try:
        return _read(list(csv.reader(io.StringIO(data.decode("ascii")), strict=True)))
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError, TypeError) as error:
        raise Misreported("it is no settlement file, or not all of one") from error


async def fetch_report(base_url: str, day: date) -> Report:
    """The report of a day. Raises Unavailable, Misreported."""
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{base_url}/v1/settlement/{day.isoformat()}") as response,
        ):
            if response.status != 200:
                raise Unavailable(f"the report of {day} answered {response.status}")
            return _of(day, read_report(await response.read()))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"the report of {day} cannot be had: {error}") from error


def _of(day: date, report: Report) -> Report:
    if report.day != day:
        raise Misreported(f"it is the report of {report.day}, not of {day}")
    return report


class SandboxReports:
    """The reports of one sandbox."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    async def report(self, day: date) -> Report:
        """The report of a day."""
        return await fetch_report(self._base_url, day)


def _read(rows: list[list[str]]) -> Report:
    header, columns, *middle, trailer = rows
    lines = [row for row in middle if row[0] == "line"]
    if (header[:2], tuple(columns)) != (["header", FORMAT], COLUMNS):
        raise Misreported("it begins as no settlement file does")
    if trailer != ["trailer", *header[1:4], str(len(lines))]:
        raise Misreported(f"its trailer does not fit its {len(lines)} lines: it is not whole")
    if [row for row in middle if row[0] == "total"] != _totals(lines) or middle[
        : len(lines)
    ] != lines:
        raise Misreported("its lines do not add up to its totals")
    day = date.fromisoformat(header[3])
    found = tuple(_line(number, row) for number, row in enumerate(lines, 1))
    return Report(f"{header[2]}/{day.isoformat()}", day, found)


def _totals(lines: list[list[str]]) -> list[list[str]]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in lines:
        gross, fee, net = map(int, row[7:10])
        if gross - fee != net:
            raise Misreported(f"line of {row[2]!r}: {gross} less {fee} is not {net}")
        sums[row[6]] = [a + b for a, b in zip(sums[row[6]], (1, gross, fee, net), strict=True)]
    return [
        ["total", "", "", "", "", str(count), currency, str(gross), str(fee), str(net)]
        for currency, (count, gross, fee, net) in sorted(sums.items())
    ]


def _line(number: int, row: list[str]) -> ReportLine:
    _, kind, reference, named, original, account, currency, gross, _, _ = row
    if not all(text.isprintable() and len(text) <= TEXT_MAX for text in row):
        raise Misreported(f"line {number}: a field is too long, or holds what nobody can read")
    if kind not in _KINDS:
        raise Misreported(f"line {number}: there is no line of type {kind!r}")
    operation, sign = _KINDS[kind]
    amount = sign * int(gross)
    if amount <= 0:
        raise Misreported(f"line {number}: a {kind} of {gross}")
    claims = Claims(operation, amount, currency, account, original or None)
    return ReportLine(number, reference, _evidence(kind, named, amount, currency), claims)


def _evidence(kind: str, named: str, amount: int, currency: str) -> Evidence:
    if kind == "sale_reversal":
        return Undone("reported as reversed")
    if kind == "refund_failure":
        return Declined("refund_failed", acquirer_reference=named)
    return Approved(named, amount, currency)
