"""The reference of the formats names every field that the verifier takes, and no record is forgotten."""

import re
from typing import Any

import pytest

from nostro.audit import leaves
from tests.server import ROOT
from tests.unit.audit import verifier

RECEIPTS = (ROOT / "docs/reference/receipts.md").read_text("utf-8")
LOG = (ROOT / "docs/reference/ledger-log.md").read_text("utf-8")
LAYOUTS = (
    "TRANSFER", "HEADER", "BALANCE", "RECORD", "METADATA", "SNAPSHOT", "RECEIPT", "CONSISTENCY",
    "BALANCE_FILE",
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_field_of_a_file_is_told_of(layout: str) -> None:
    fields = re.findall(r"(\w+):", getattr(verifier.module(), layout))
    assert len(fields) > 1
    assert [field for field in fields if f"`{field}`" not in RECEIPTS] == []


def test_a_record_has_as_many_bytes_as_its_table() -> None:
    lengths = {
        name: _length(name) for name in re.findall(r"^\*\*\d (\w[\w ]+)\*\*", LOG, re.MULTILINE)
    }
    assert lengths == {
        "transfer": _size(leaves._transfer),
        "balance": _size(leaves._balance),
        "rejection": _size(leaves._rejection),
        "limit change": _size(leaves._limit_change),
        "audit record": _size(leaves._audit_record),
        "header": _size(leaves._header),
    }


def _size(pack: Any) -> int:
    return int(pack.__self__.size)


def _length(record: str) -> int:
    """Six bytes of version, kind and book, and what the rows of the record's table add up to."""
    table = re.search(rf"^\*\*\d {record}\*\*.*?\n((?:\|[^\n]*\n)+)", LOG, re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = re.findall(r"^\| (?:(\d+) × )?(\d+) \|", table[1], re.MULTILINE)
    return 6 + sum(int(times or 1) * int(size) for times, size in rows)
