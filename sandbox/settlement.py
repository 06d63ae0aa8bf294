"""The daily settlement file: what the acquirer pays out for a day (UTC), line by line.

Gross, fee and net are signed minor units from the merchant's side: net = gross - fee.
"""

import csv
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from io import TextIOWrapper
from typing import Any, BinaryIO

from sandbox.book import Reader
from sandbox.identity import Identity

COLUMNS = (
    "record",
    "type",
    "reference",
    "acquirer_reference",
    "original",
    "merchant",
    "currency",
    "gross",
    "fee",
    "net",
)


def fee_for(amount: int) -> int:
    """1.5 % of the amount, rounded half up, and 5 minor units."""
    return (amount * 15 + 500) // 1000 + 5


def write_settlement(reader: Reader, identity: Identity, day: date) -> tuple[BinaryIO, int]:
    """Write a day's file; gives it open at its start, and its length in bytes."""
    file: Any = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - the caller closes it
    text = TextIOWrapper(file, encoding="ascii", newline="", write_through=False)
    _write(csv.writer(text, lineterminator="\n"), _lines(reader, identity, day), identity, day)
    text.flush()
    text.detach()
    length = file.tell()
    file.seek(0)
    return file, length


def _write(writer: Any, lines: Iterable[list[Any]], identity: Identity, day: date) -> None:
    totals: dict[str, list[int]] = {}
    count = 0
    writer.writerow(["header", "nostro_sandbox", identity.name, day.isoformat(), "1"])
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(line)
        count += 1
        total = totals.setdefault(line[6], [0, 0, 0, 0])
        totals[line[6]] = [a + b for a, b in zip(total, [1, *line[7:]], strict=True)]
    for currency, (lines_of, gross, fee, net) in sorted(totals.items()):
        writer.writerow(["total", "", "", "", "", lines_of, currency, gross, fee, net])
    writer.writerow(["trailer", "nostro_sandbox", identity.name, day.isoformat(), count])


def _lines(reader: Reader, identity: Identity, day: date) -> Iterable[list[Any]]:
    start_ms, stop_ms = _midnight_ms(day), _midnight_ms(day + timedelta(days=1))
    for row in reader.rows("settlement", start_ms, stop_ms):
        seq, kind, sign, fee_sign, merchant, reference, original, currency, amount = row
        gross, fee = sign * amount, fee_sign * fee_for(amount)
        name = identity.acquirer_reference(seq)
        own = [kind, reference, name, original or "", merchant, currency]
        yield ["line", *own, gross, fee, gross - fee]


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
