"""Compares what audit records announce with the rows they announce: snapshots, alarms, what was erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from nostro.audit import merkle
from nostro.audit.alarms import RAISED, SETTLED
from nostro.audit.erasing import ERASED, erased_subject
from nostro.audit.snapshots import ACTION, BalanceSnapshot, snapshot_id
from nostro.audit.texts import NotEncodable, address_hash, metadata_hash
from nostro.kernel.clock import DAY
from nostro.ledger.days import day_from
from nostro.ledger.snapshots import AccountBalance
from nostro.verification.findings import Findings
from nostro.verification.rows import Row
from nostro.verification.world import World

METADATA_ERASED = "metadata.erased"
KEPT = frozenset({ACTION, METADATA_ERASED, ERASED, RAISED})


class Announced:
    """What the audit log has said so far about rows that can be erased, or are made beside it."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.records: dict[str, dict[str, str]] = {action: {} for action in KEPT}
        self._without_address: list[int] = []

    def note(self, rows: list[Row]) -> None:
        """Rows of `stream_audit_records`."""
        for row in rows:
            if row[1] in KEPT and row[6] == "done":
                self.records[row[1]][row[2]] = row[3]
            elif row[1] == SETTLED:
                self.records[RAISED].pop(row[2], None)
            if row[7] is not None or row[9] is not None or row[10] is not None:
                self._address(row)

    def _address(self, row: Row) -> None:
        seq, kept, address, salt = row[0], row[7], row[9], row[10]
        if (address is None) != (salt is None):
            self._off(seq, "an address without its salt, or a salt without its address")
        elif address is None:
            self._without_address.append(seq)
        elif _salted(address_hash, salt, address) != kept:
            self._off(seq, "its address is not the one that the log holds the hash of")

    def end(self) -> None:
        """Addresses that are gone must have been erased on record."""
        erased = self.records[ERASED]
        for seq in self._without_address:
            if erased_subject(seq) not in erased:
                self._off(seq, f"its address is gone, and no record {ERASED} says so")

    def _off(self, seq: int, detail: str) -> None:
        self._findings.add("addresses", f"audit record {seq}", detail)

    def metadata(self, row: Row) -> None:
        """A row of `stream_metadata`: metadata, or a hash whose metadata are gone."""
        identifier, text, salt, kept = row
        name = f"transfer {identifier.hex() if identifier else identifier}"
        if text is None and salt is None and identifier is not None:
            if identifier.hex() not in self.records[METADATA_ERASED]:
                detail = f"its metadata are gone, and no record {METADATA_ERASED} says so"
                self._findings.add("metadata", name, detail)
        elif kept is None or _salted(metadata_hash, salt, text) != kept:
            detail = "its metadata are not those that the log holds the hash of"
            self._findings.add("metadata", name, detail)

    def alarms(self, rows: list[Row]) -> None:
        """Every alarm was announced as it is, and every one that was announced is there or settled."""
        raised = dict(self.records[RAISED])
        for identifier, *rest in rows:
            if raised.pop(identifier, None) != msgspec.json.encode(rest).decode():
                self._findings.add(
                    "alarms", f"{identifier}", "it is not as the log says it was raised"
                )
        for identifier in raised:
            self._findings.add("alarms", identifier, "raised, not settled, and missing")


def _salted(hashed: Callable[[bytes, str], bytes], salt: Any, text: Any) -> bytes | None:
    try:
        return hashed(salt, text)
    except (NotEncodable, TypeError, AttributeError):
        return None


class Snapshots:
    """Snapshots of all balances, made again as the history passes the batch they are of."""

    def __init__(self, book: int, rows: list[Row], findings: Findings) -> None:
        self._book, self._findings = book, findings
        self._waiting: dict[int, list[Row]] = {}
        self._rows = rows
        for row in rows:
            self._waiting.setdefault(row[2], []).append(row)
        self._next_at: list[Row] = []

    def passed(self, batch_no: int, at_ms: int, world: World) -> None:
        """The history is just past a batch."""
        for row in self._next_at:
            if row[1] is not None and at_ms < _end_of(row[1]):
                self._off(row, f"batch {batch_no} was still on {row[1]}")
        self._next_at = self._waiting.pop(batch_no, [])
        for row in self._next_at:
            self._compare(row, batch_no, at_ms, world)

    def _compare(self, row: Row, batch_no: int, at_ms: int, world: World) -> None:
        identifier, taken_on, _, last_transfer, count, root = row
        leaves = _leaves(self._book, world)
        if identifier != snapshot_id(batch_no):
            self._off(row, f"it is of batch {batch_no}")
        if last_transfer != world.last_seq:
            self._off(row, f"the last transfer then was {world.last_seq}, not {last_transfer}")
        if taken_on is None or at_ms >= _end_of(taken_on):
            self._off(row, f"its batch was not on or before {taken_on}")
        if (count, root) != (len(leaves), merkle.root(leaves)):
            self._off(row, "its root or its count is not that of the balances then")

    def end(self, records: dict[str, str]) -> None:
        """Each has its audit record, and each record its snapshot."""
        for rows in self._waiting.values():
            for row in rows:
                self._off(row, f"there is no batch {row[2]}")
        left = dict(records)
        for row in self._rows:
            if left.pop(row[0], None) != _changes(row):
                self._off(row, "no audit record says the same")
        for subject in left:
            self._findings.add("snapshots", subject, "recorded in the log, and missing")

    def _off(self, row: Row, detail: str) -> None:
        self._findings.add("snapshots", f"{row[0]}", detail)


def _changes(row: Row) -> str | None:
    try:
        return BalanceSnapshot(*row).changes
    except (AttributeError, TypeError):
        return None


def _end_of(day: str) -> int:
    try:
        return (day_from(day) + 1) * DAY
    except ValueError:
        return 0


def _leaves(book: int, world: World) -> list[bytes]:
    accounts = sorted(world.accounts.values(), key=lambda account: account.code.encode())
    try:
        return [
            AccountBalance(
                found.number, found.version, found.dp, found.cp, found.dq, found.cq,
                found.overdraft_max, found.overcredit_max, found.code, found.currency,
            ).leaf(book)
            for found in accounts
        ]  # fmt: skip
    except NotEncodable:
        return []
