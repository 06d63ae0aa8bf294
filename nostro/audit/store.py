"""The statements of the audit log, and what a batch adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from nostro.audit.record import AuditRecord
from nostro.kernel.queries import load
from nostro.kernel.table import bytes_array, int_array, text_array

QUERIES = load("nostro.audit")


def insert(
    records: Sequence[AuditRecord], book: int, batch_no: int, first: int
) -> tuple[LiteralString, tuple[Any, ...]]:
    """The statement, with its parameters, that appends the records of a batch from number `first` on."""
    return QUERIES["insert_audit_records"], (
        book,
        batch_no,
        int_array(range(first, first + len(records))),
        text_array([record.action for record in records]),
        text_array([record.subject for record in records]),
        text_array([record.changes for record in records]),
        text_array([record.actor for record in records]),
        text_array([record.request_id for record in records]),
        text_array([record.outcome for record in records]),
        text_array([record.address for record in records]),
        bytes_array([record.salt for record in records]),
        bytes_array([record.address_hash for record in records]),
    )
