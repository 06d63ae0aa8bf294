"""Audits what was committed since the last look, slice by slice, beside payments: rows into roots, roots into headers,
headers into the tree, the tree against the head.

It decides nothing again (that takes the whole history, see `full`), but each entry has to follow from the one before.
Rows below a book's head never change, so a slice needs no snapshot: what it reads is as old as it says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
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
ACCOUNTS_KEPT = 20_000


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


class Auditor:
    """Audits one book slice by slice from a position on. It remembers the accounts that moved lately."""

    def __init__(self, book: int, position: Position) -> None:
        self.book, self.position = book, position
        self.accounts: dict[int, Account] = {}

    async def slice(self, reader: Reader) -> tuple[Result, ...]:
        """Audit the next batches, at most so many. `position` stays where it is if there are none.

        Findings are values, and the audit goes on behind them. Raises only what reading raises.
        """
        if len(self.accounts) > ACCOUNTS_KEPT:
            self.accounts.clear()
        one = _Slice(reader, self.book, self.position, self.accounts)
        try:
            self.position = await one.run()
        except BaseException:
            self.accounts.clear()  # some may have moved
            raise
        if one.findings.count:
            self.accounts.clear()
        return one.findings.results()


class _Slice:
    def __init__(
        self, reader: Reader, book: int, position: Position, accounts: dict[int, Account]
    ) -> None:
        self._reader, self._book, self._position = reader, book, position
        self._accounts = accounts
        self.findings = Findings(FULL_CHECKS)
        self._chain = HeaderChain(book, self.findings, position)

    async def run(self) -> Position:
        """Read the head first: every batch below it is there by then."""
        heads = await self._fetch("head")
        if not heads:
            self.findings.add("book_head", "book head", "missing")
            return self._position
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
            self.findings.add("encodings", name, f"it cannot be audited: {error!r}")
            position = _after(batches[-1], self._chain.end(None))
        if at_tip:
            self._compare_head(head, position)
        return position

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
        counts = Counter(row[11] for row in self._transfers)
        counts.update(row[12] for row in self._transfers)
        limited = {row[3] for row in self._limits}
        await self._read_accounts((counts.keys() | limited) - self._accounts.keys())
        await self._read_entries(counts)

    async def _read_accounts(self, numbers: set[int]) -> None:
        """Accounts that are not remembered, as they stood before the slice."""
        if not numbers:
            return
        wanted, accounts = int_array(numbers), self._accounts
        for number, code, currency in await self._fetch("slice_accounts", wanted):
            accounts[number] = Account(code, currency, number)
        limits = await self._fetch("slice_limits_before", wanted, self._position.batch_no)
        for number, overdraft_max, overcredit_max in limits:
            if number in accounts:
                accounts[number].overdraft_max = overdraft_max
                accounts[number].overcredit_max = overcredit_max
        before = self._position.next_transfer - 1
        for number, *counters in await self._fetch("slice_standing", wanted, before):
            dp, cp, dq, cq, version = counters
            accounts[number].restore((dp, cp, dq, cq, version))

    async def _read_entries(self, counts: dict[int, int]) -> None:
        """Each transfer adds one version to both of its accounts, so the versions of the slice are known."""
        known = [
            (n, self._accounts[n].version, count)
            for n, count in counts.items()
            if n in self._accounts
        ]
        ranges = (
            int_array([number for number, _, _ in known]),
            int_array([low for _, low, _ in known]),
            int_array([low + count for _, low, count in known]),
        )
        self._entries: dict[int, list[Row]] = {}
        for entry in await self._fetch("slice_entries", *ranges):
            self._entries.setdefault(entry[0], []).append(entry)

    def _audit(self, batches: Sequence[Batch]) -> None:
        codes = Codes({n: a.code for n, a in self._accounts.items() if isinstance(a.code, str)})
        audit = BatchAudit(self._book, codes, self._chain, self.findings)
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
            entries = self._entries.pop(row[0], [])
            if not self._as_it_should_be(row, entries):
                self._compare(row, entries)
            touched.update(row[11:13])
        for change in rows.limits:
            account = self._accounts.get(change[3])
            if account is not None:
                account.overdraft_max, account.overcredit_max = change[4:6]
            touched.add(change[3])
        return [self._accounts[n] for n in sorted(touched) if n in self._accounts]

    def _as_it_should_be(self, row: Row, entries: Sequence[Row]) -> bool:
        """The quick way, for nearly all: both entries are what they have to be, and the accounts move."""
        debit, credit = self._accounts.get(row[11]), self._accounts.get(row[12])
        if len(entries) != 2 or debit is None or credit is None:
            return False
        one, other = entries if entries[0][1] == "d" else reversed(entries)
        seq, posted, pending = row[0], row[7], row[8]
        if one != (
            seq, "d", debit.number, posted, pending,
            debit.dp + posted, debit.cp, debit.dq + pending, debit.cq, debit.version + 1,
        ) or other != (
            seq, "c", credit.number, posted, pending,
            credit.dp, credit.cp + posted, credit.dq, credit.cq + pending, credit.version + 1,
        ):  # fmt: skip
            return False
        debit.restore(one[5:])
        credit.restore(other[5:])
        return True

    def _compare(self, row: Row, entries: Sequence[Row]) -> None:
        """Both entries of a transfer follow from its amounts and from what stood before."""
        for side, number in (("d", row[11]), ("c", row[12])):
            account = self._accounts.get(number)
            entry = next((e for e in entries if e[1] == side and e[2] == number), None)
            if account is None or entry is None:
                name = f"account {number} version {account.version + 1 if account else None}"
                self.findings.add("entries", name, f"no entry of transfer {row[0]}")
                if account is not None:
                    account.restore(_moved(account.counters(), side, row[7], row[8]))
                continue
            after = _moved(account.counters(), side, row[7], row[8])
            if entry[3:5] != row[7:9] or entry[5:] != after:
                name = f"account {number} version {entry[9]}"
                should = (*row[7:9], *after)
                self.findings.add("entries", name, f"{entry[3:]}, and should be {should}")
            account.restore(entry[5:])

    def _compare_head(self, head: Row, position: Position) -> None:
        stored = (*head[2:3], *head[4:9])
        wanted = (
            position.next_transfer, position.batch_no + 1, position.next_audit, position.at_ms,
            position.leaf, position.frontier,
        )  # fmt: skip
        if stored != wanted and self._chain.broken is None:
            self.findings.add("book_head", "book head", "it is not where its last batch left it")

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
