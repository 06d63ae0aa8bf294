"""Audits one batch after another: rows into leaves, leaves into roots, roots into the header, and the replay beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.audit import merkle
from nostro.ledger.fold import Account
from nostro.verification import record_hashes
from nostro.verification.findings import Findings
from nostro.verification.header_chain import Batch, Counted, HeaderChain
from nostro.verification.rows import Row
from nostro.verification.steps import BatchRows, Codes


class RootFinding:
    """A batch whose rows do not give one of its roots, and the accounts in it that nothing had confirmed so far."""

    def __init__(self, check: str, batch: Batch, rows: str, accounts: frozenset[int]) -> None:
        self.check, self.batch_no, self.rows, self.accounts = check, batch.batch_no, rows, accounts


class BatchAudit:
    """Hashes the rows of batches and follows their headers. What it finds about roots is told at the end: an account
    whose code was changed is one finding, not one for each of its batches."""

    def __init__(self, book: int, codes: Codes, chain: HeaderChain, findings: Findings) -> None:
        self._book, self._codes, self.chain, self._findings = book, codes, chain, findings
        self._confirmed: set[int] = set()
        self._root_findings: list[RootFinding] = []

    def audit(
        self, batch: Batch, rows: BatchRows, records: Sequence[Row], touched: Sequence[Account]
    ) -> None:
        """One batch, with the accounts that it touched as it left them."""
        self._belonging(batch, rows, records)
        off = self.chain.follow(batch, self._counted(rows, records, touched))
        numbers = {found.number for found in touched}
        if not off:
            self._confirmed |= numbers
            return
        if "balances_root" not in off or "transfers_root" not in off:
            self._confirmed |= numbers
        for check in off:
            named = _named(check, batch, rows, records, touched)
            doubtful = frozenset(numbers - self._confirmed)
            self._root_findings.append(RootFinding(check, batch, named, doubtful))

    def end(self) -> None:
        """Tell which roots were off, once it is known which accounts any batch confirms."""
        first: dict[int, int] = {}
        count: dict[int, int] = {}
        for found in self._root_findings:
            suspects = found.accounts - self._confirmed
            for number in suspects:
                count[number] = count.get(number, 0) + 1
            if not suspects or any(
                first.setdefault(number, found.batch_no) == found.batch_no for number in suspects
            ):
                detail = f"not what the header of batch {found.batch_no} was made of"
                self._findings.add(found.check, found.rows, detail)
        for number, batch_no in first.items():
            detail = (
                f"its code or currency, or its only entries, are not those that batch {batch_no}"
                f" recorded ({count[number]} roots are off)"
            )
            self._findings.add("account_codes", f"account {number}", detail)

    def _counted(
        self, rows: BatchRows, records: Sequence[Row], touched: Sequence[Account]
    ) -> Counted:
        book, refuse = self._book, self._refuse
        roots = (
            record_hashes.transfers(
                book, rows.transfers, self._codes.__getitem__, refuse("transfer")
            ),
            record_hashes.balances(book, touched),
            record_hashes.rejections(book, rows.rejections, refuse("rejection")),
            record_hashes.limit_changes(book, rows.limits, refuse("limit change")),
            record_hashes.audit_records(book, records, refuse("audit record")),
        )
        transfers, balances, rejections, limits, audit = map(len, roots)
        found = tuple(map(merkle.root, roots))
        return Counted(transfers, balances, rejections, limits, audit, found)

    def _refuse(self, kind: str) -> record_hashes.Refuse:
        keys = 2 if kind in ("rejection", "limit change") else 1
        findings = self._findings

        def refuse(row: Row, why: str) -> None:
            findings.add("encodings", f"{kind} {'/'.join(map(str, row[:keys]))}", why)

        return refuse

    def _belonging(self, batch: Batch, rows: BatchRows, records: Sequence[Row]) -> None:
        """Batch numbers and times that rows carry besides what is hashed."""
        number, at_ms = batch.batch_no, batch.at_ms
        trusted = self.chain.fits(batch)
        for row in rows.transfers:
            if row[17] != number or (row[18] != at_ms and trusted):
                detail = (
                    f"in batch {row[17]} at {row[18]}; its number is in batch {number} at {at_ms}"
                )
                self._findings.add("batch_rows", f"transfer {row[0]}", detail)
        for row in records:
            if row[8] != number:
                detail = f"in batch {row[8]}; its number is in batch {number}"
                self._findings.add("batch_rows", f"audit record {row[0]}", detail)


def _named(
    check: str, batch: Batch, rows: BatchRows, records: Sequence[Row], touched: Sequence[Account]
) -> str:
    """Which rows a root is over. A hash says that one of them differs, not which."""
    number = batch.batch_no
    if check == "transfers_root":
        keys = [row[0] for row in rows.transfers]
        return _range("transfer", _with_missing(keys, batch[4:6]), number)
    if check == "balances_root":
        return _range("account", [found.number for found in touched], number)
    if check == "audit_root":
        keys = [row[0] for row in records]
        return _range("audit record", _with_missing(keys, batch[9:11]), number)
    kind, found = (
        ("rejection", rows.rejections)
        if check == "rejections_root"
        else ("limit change", rows.limits)
    )
    return _range(kind, [f"{row[0]}/{row[1]}" for row in found], number)


def _with_missing(keys: list[int], promised: tuple[Any, ...]) -> list[int]:
    """The keys that are there, and those that the header promises."""
    first, count = promised
    if not isinstance(first, int) or not isinstance(count, int) or count > len(keys) + 1_000:
        return keys
    return sorted({*keys, *range(first, first + count)})


def _range(kind: str, keys: Sequence[Any], batch_no: int) -> str:
    if len(keys) == 1:
        return f"{kind} {keys[0]}"
    if not keys or str(keys[-1]).endswith("None"):
        return f"batch {batch_no}"
    if kind == "account":  # not neighbours
        return f"{kind} {', '.join(map(str, keys[:20]))} after batch {batch_no}"
    return f"{kind} {keys[0]} to {keys[-1]}"
