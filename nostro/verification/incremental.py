"""Audits what was committed since the last look, slice by slice, beside payments: rows into roots, roots into headers,
headers into the tree, the tree against the head.

It decides nothing again (that takes the whole history, see `full`), but each entry has to follow from the one before.
Rows below a book's head never change, so a slice needs no snapshot: what it reads is as old as it says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter

from nostro.audit import merkle
from nostro.kernel.ports import Reader
from nostro.kernel.queries import load
from nostro.kernel.table import int_array
from nostro.ledger.fold import Account, Counters
from nostro.ledger.log import frontier_at
from nostro.verification.batch_audit import BatchAudit
from nostro.verification.checks import FULL_CHECKS
from nostro.verification.findings import Findings
from nostro.verification.header_chain import Batch, HeaderChain, Position
from nostro.verification.report import Result
from nostro.verification.rows import Row
from nostro.verification.steps import BatchRows, Codes
from nostro.verification.stepwise import MISFITS

QUERIES = load("nostro.verification")
BATCHES_AT_ONCE, TRANSFERS_AT_ONCE = 128, 2_000


async def newest_position(reader: Reader, book: int) -> tuple[Position, tuple[Result, ...]]:
    """Where the newest checkpoint ends, or the beginning. A checkpoint that is not of this tree is a finding."""
    findings = Findings(FULL_CHECKS)
    rows = await reader.fetch(QUERIES["slice_checkpoint"], book)
    if not rows:
        return Position(), findings.results()
    size, root, leaf, next_transfer, next_audit, at_ms, epoch = rows[0]
    frontier = await frontier_at(reader, book, size)
    if merkle.frontier_root(frontier) != root:
        findings.add("checkpoints", f"checkpoint {size}", "another tree was signed")
    position = Position(size, next_transfer, next_audit, at_ms, epoch, leaf, frontier)
    return position, findings.results()


async def audit_slice(
    reader: Reader, book: int, position: Position
) -> tuple[Position, tuple[Result, ...]]:
    """Audit the batches after a position, at most so many. The position is the same if there are none.

    Findings are values, and the audit goes on behind them. Raises only what reading raises.
    """
    found = await _Slice(reader, book, position).run()
    return found


class _Slice:
    def __init__(self, reader: Reader, book: int, position: Position) -> None:
        self._reader, self._book, self._position = reader, book, position
        self._findings = Findings(FULL_CHECKS)
        self._chain = HeaderChain(book, self._findings, position)

    async def run(self) -> tuple[Position, tuple[Result, ...]]:
        """Read the head first: every batch below it is there by then."""
        heads = await self._fetch("head")
        if not heads:
            self._findings.add("book_head", "book head", "missing")
            return self._position, self._findings.results()
        head = heads[0]
        batches = await self._batches(head[4] - 1)
        at_tip = not batches or batches[-1].batch_no >= head[4] - 1
        try:
            if batches:
                await self._read(batches)
                self._audit(batches)
            position = self._chain.end(head[7] if at_tip else None)
        except MISFITS as error:
            name = f"batch {batches[0].batch_no} to {batches[-1].batch_no}"
            self._findings.add("encodings", name, f"it cannot be audited: {error!r}")
            position = _after(batches[-1], self._chain.end(None))
        if at_tip:
            self._compare_head(head, position)
        return position, self._findings.results()

    async def _batches(self, last: int) -> list[Batch]:
        rows = await self._fetch("slice_batches", self._position.batch_no, last, BATCHES_AT_ONCE)
        batches: list[Batch] = []
        transfers = 0
        for row in rows:
            batch = Batch(*row)
            transfers += batch.transfer_count or 0
            if batches and transfers > TRANSFERS_AT_ONCE:
                break
            batches.append(batch)
        return batches

    async def _read(self, batches: Sequence[Batch]) -> None:
        """The rows of all batches of the slice."""
        position, last = self._position, batches[-1]
        numbers = (position.batch_no, last.batch_no)
        end = last.first_transfer + last.transfer_count
        self._transfers = await self._fetch("slice_transfers", position.next_transfer, end)
        self._rejections = await self._fetch("slice_rejections", *numbers)
        self._limits = await self._fetch("slice_limit_changes", *numbers)
        records_end = last.first_audit + last.audit_count
        self._records = await self._fetch("slice_audit_records", position.next_audit, records_end)
        touched = {row[3] for row in self._limits}
        touched.update(number for row in self._transfers for number in row[11:13])
        await self._read_accounts(touched, position.next_transfer - 1, end - 1)

    async def _read_accounts(self, numbers: set[int], before: int, last: int) -> None:
        """The accounts as they stood before the slice, and their entries in it."""
        wanted = int_array(numbers)
        named = await self._fetch("slice_accounts", wanted)
        limits = {
            row[0]: row[1:]
            for row in await self._fetch("slice_limits_before", wanted, self._position.batch_no)
        }
        self._codes = Codes({row[0]: row[1] for row in named if isinstance(row[1], str)})
        self._accounts = {row[0]: Account(row[1], row[2], row[0]) for row in named}
        for number, account in self._accounts.items():
            account.overdraft_max, account.overcredit_max = limits.get(number, (None, None))
        self._entries: dict[int, list[Row]] = {}
        for entry in await self._fetch("slice_entries", wanted, before, last):
            if entry[0] <= before:
                self._accounts[entry[2]].restore(entry[5:])
            else:
                self._entries.setdefault(entry[0], []).append(entry)

    def _audit(self, batches: Sequence[Batch]) -> None:
        audit = BatchAudit(self._book, self._codes, self._chain, self._findings)
        for batch in batches:
            if batch.batch_no > self._chain.position.batch_no + 1:
                # What missing batches did is gone through all the same, as far as it is there.
                rows, _ = self._taken(batch.first_transfer, batch.batch_no, batch.first_audit)
                self._moved(rows)
                self._chain.missing_before(batch)
            rows, records = self._taken(
                batch.first_transfer + batch.transfer_count,
                batch.batch_no + 1,
                batch.first_audit + batch.audit_count,
            )
            audit.audit(batch, rows, records, self._moved(rows))
        audit.end()

    def _taken(self, transfers: int, batches: int, records: int) -> tuple[BatchRows, list[Row]]:
        """The rows that are left below these numbers."""
        rows = BatchRows(
            _below(self._transfers, transfers), (),
            _below(self._rejections, batches), _below(self._limits, batches),
        )  # fmt: skip
        return rows, _below(self._records, records)

    def _moved(self, rows: BatchRows) -> list[Account]:
        """Move the accounts as the batch's entries say, and return those it touched, by number."""
        touched: set[int] = set()
        for row in rows.transfers:
            self._compare(row, self._entries.pop(row[0], []))
            touched.update(row[11:13])
        for change in rows.limits:
            account = self._accounts.get(change[3])
            if account is not None:
                account.overdraft_max, account.overcredit_max = change[4:6]
            touched.add(change[3])
        return [self._accounts[n] for n in sorted(touched) if n in self._accounts]

    def _compare(self, row: Row, entries: Sequence[Row]) -> None:
        """Both entries of a transfer follow from its amounts and from what stood before."""
        for side, number in (("d", row[11]), ("c", row[12])):
            account = self._accounts.get(number)
            entry = next((e for e in entries if e[1] == side and e[2] == number), None)
            if account is None or entry is None:
                name = f"account {number} version {account.version + 1 if account else None}"
                self._findings.add("entries", name, f"no entry of transfer {row[0]}")
                if account is not None:
                    account.restore(_moved(account.counters(), side, row[7], row[8]))
                continue
            after = _moved(account.counters(), side, row[7], row[8])
            if entry[3:5] != row[7:9] or entry[5:] != after:
                name = f"account {number} version {entry[9]}"
                should = (*row[7:9], *after)
                self._findings.add("entries", name, f"{entry[3:]}, and should be {should}")
            account.restore(entry[5:])

    def _compare_head(self, head: Row, position: Position) -> None:
        stored = (*head[2:3], *head[4:9])
        wanted = (
            position.next_transfer, position.batch_no + 1, position.next_audit, position.at_ms,
            position.leaf, position.frontier,
        )  # fmt: skip
        if stored != wanted and self._chain.broken is None:
            self._findings.add("book_head", "book head", "it is not where its last batch left it")

    async def _fetch(self, name: str, *parameters: int | str) -> list[Row]:
        return await self._reader.fetch(QUERIES[name], self._book, *parameters)


def _below(rows: list[Row], end: int) -> list[Row]:
    """Take the rows whose keys are below `end` from the front of a list."""
    at = bisect_left(rows, end, key=itemgetter(0))
    taken = rows[:at]
    del rows[:at]
    return taken


def _moved(counters: Counters, side: str, posted: int, pending: int) -> Counters:
    dp, cp, dq, cq, version = counters
    if side == "d":
        return dp + posted, cp, dq + pending, cq, version + 1
    return dp, cp + posted, dq, cq + pending, version + 1


def _after(batch: Batch, position: Position) -> Position:
    """Behind a batch that could not be audited: as its own header says."""
    return position._replace(
        batch_no=batch.batch_no,
        next_transfer=batch.first_transfer + batch.transfer_count,
        next_audit=batch.first_audit + batch.audit_count,
        at_ms=batch.at_ms,
        epoch=batch.epoch,
        leaf=batch.leaf,
    )
