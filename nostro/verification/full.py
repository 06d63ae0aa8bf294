"""The full audit of one book: everything that the ledger and the log persist, derived again from the rows themselves.

One snapshot, streamed batch by batch. It goes on after a finding, from what is stored, so that one changed row is named
and not all that was built upon it.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import LiteralString

from nostro.audit.snapshots import ACTION
from nostro.kernel.queries import load
from nostro.verification import projections
from nostro.verification.batch_audit import BatchAudit
from nostro.verification.checks import FULL_CHECKS
from nostro.verification.findings import Findings
from nostro.verification.header_chain import Batch, HeaderChain, Position
from nostro.verification.outside import Outside, Tree
from nostro.verification.recorded import Announced, Snapshots
from nostro.verification.replay import replay
from nostro.verification.report import Audited, Result
from nostro.verification.rows import OrderedRows, Row
from nostro.verification.signed_tree import compare_signed
from nostro.verification.snapshot import Stream
from nostro.verification.steps import BatchRows, Codes
from nostro.verification.world import World

QUERIES = load("nostro.verification")
Told = Callable[[int, int], None]


async def audit(
    snapshot: Stream, book: int, outside: Outside, told: Told = lambda done, of: None
) -> tuple[tuple[Result, ...], Audited]:
    """Run it. `told` hears how many of how many batches are done.

    Findings are values; raises only what reading raises.
    """
    full = FullAudit(snapshot, book, outside, told)
    with _no_collections():
        audited = await full.run()
    return full.findings.results(), audited


@contextmanager
def _no_collections() -> Iterator[None]:
    """Millions of small objects live and none is part of a cycle: looking for cycles costs a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class FullAudit:
    """One run."""

    def __init__(self, snapshot: Stream, book: int, outside: Outside, told: Told) -> None:
        self._snapshot, self._book, self._outside, self._told = snapshot, book, outside, told
        self.findings = Findings(FULL_CHECKS)
        self._chain = HeaderChain(book, self.findings)
        self._announced = Announced(self.findings)

    async def run(self) -> Audited:
        """Everything, in one pass over the batches and one over each projection."""
        self._head = await self._fetch("head")
        self._accounts = await self._all("stream_accounts")
        self._world = _world(self._accounts)
        self._batches = BatchAudit(self._book, self._world.codes, self._chain, self.findings)
        self._snapshots = Snapshots(self._book, await self._fetch("all_snapshots"), self.findings)
        self._open_streams()
        count = await self._go_through()
        position = self._chain.end(self._head[0][7] if self._head else None)
        self._batches.end()
        await self._left_over()
        await self._projections(position)
        await self._announcements()
        tree = Tree(bytes(self._chain.leaves), self._chain.broken)
        signed, anchored = await compare_signed(
            self._snapshot, self._book, tree, self._outside, self.findings
        )
        return Audited(count, position.next_transfer - 1, max(0, tree.size - signed), anchored)

    def _open_streams(self) -> None:
        self._transfers = OrderedRows(self._stream("stream_transfers"))
        self._entries = OrderedRows(self._stream("stream_entries"))
        self._rejections = OrderedRows(self._stream("stream_rejections"))
        self._limits = OrderedRows(self._stream("stream_limit_changes"))
        self._records = OrderedRows(self._stream("stream_audit_records"))

    async def _go_through(self) -> int:
        """Every batch in order; returns how many there are."""
        count, total = 0, self._head[0][4] if self._head else 0
        async for batch, after in _with_next(self._stream("stream_batches", 0)):
            await self._batch(batch, after)
            count += 1
            if count % 256 == 0:
                self._told(count, max(count, total or 0))
        return count

    async def _batch(self, batch: Batch, after: Batch | None) -> None:
        position = self._chain.position
        if batch.batch_no is None or batch.batch_no <= position.batch_no:
            self.findings.add("batch_headers", f"batch {batch.batch_no}", "there is another")
            return
        if batch.batch_no > position.batch_no + 1:
            await self._gap(batch)
        transfers_end, records_end = self._ends(batch, after)
        rows, records = await self._rows(transfers_end, records_end, batch.batch_no + 1)
        at_ms = batch.at_ms if isinstance(batch.at_ms, int) else position.at_ms
        replay(self._world, self._chain.position.next_transfer, at_ms, rows, self.findings)
        self._announced.note(records)
        self._batches.audit(batch, rows, records, self._world.touched(rows))
        self._snapshots.passed(batch.batch_no, at_ms, self._world)

    async def _gap(self, batch: Batch) -> None:
        """Batches are missing: what they did is replayed all the same, as far as it is there."""
        position = self._chain.position
        ends = (_number(batch.first_transfer), _number(batch.first_audit))
        rows, records = await self._rows(*ends, batch.batch_no)
        at_ms = rows.transfers[0][18] if rows.transfers else position.at_ms
        replay(self._world, position.next_transfer, at_ms or 0, rows, self.findings)
        self._announced.note(records)
        self._chain.missing_before(batch)

    def _ends(self, batch: Batch, after: Batch | None) -> tuple[int, int]:
        """Where the next batch's transfers and audit records begin. A header that was changed is not asked."""
        if self._chain.fits(batch):
            return (
                _number(batch.first_transfer) + _number(batch.transfer_count),
                _number(batch.first_audit) + _number(batch.audit_count),
            )
        if after is not None:
            return _number(after.first_transfer), _number(after.first_audit)
        head = self._head[0] if self._head else (0,) * 9
        return _number(head[2]), _number(head[5])

    async def _rows(
        self, transfers_end: int, records_end: int, batches_end: int
    ) -> tuple[BatchRows, list[Row]]:
        rows = BatchRows(
            await _taken(self._transfers, transfers_end),
            await _taken(self._entries, transfers_end),
            await _taken(self._rejections, batches_end),
            await _taken(self._limits, batches_end),
        )
        return rows, await _taken(self._records, records_end)

    async def _left_over(self) -> None:
        """Rows that no batch has asked for."""
        for check, name, keys, rows in (
            ("batch_rows", "transfer", (0,), self._transfers),
            ("entries", "entry of transfer", (0,), self._entries),
            ("rejections_root", "rejection", (0, 1), self._rejections),
            ("limits_root", "limit change", (0, 1), self._limits),
            ("batch_rows", "audit record", (0,), self._records),
        ):
            for row in await rows.rest():
                key = "/".join(str(row[at]) for at in keys)
                self.findings.add(check, f"{name} {key}", "it belongs to no batch")

    async def _projections(self, position: Position) -> None:
        world, findings = self._world, self.findings
        broken = self._chain.broken is not None
        projections.compare_head(self._head, position, world.next_number, broken, findings)
        projections.compare_accounts(self._accounts, world, findings)
        async for piece in self._stream("stream_holds"):
            for row in piece:
                projections.compare_hold(row, world, findings)
        projections.missing_holds(world, findings)
        async for piece in self._stream("stream_effective_days"):
            for row in piece:
                projections.compare_day(row, world, findings)
        projections.missing_days(world, findings)

    async def _announcements(self) -> None:
        self._snapshots.end(self._announced.records[ACTION])
        self._announced.end()
        self._announced.alarms(await self._fetch("all_alarms"))
        async for piece in self._stream("stream_metadata"):
            for row in piece:
                self._announced.metadata(row)

    async def _fetch(self, name: LiteralString) -> list[Row]:
        return await self._snapshot.fetch(QUERIES[name], self._book)

    async def _all(self, name: LiteralString) -> list[Row]:
        return [row async for piece in self._stream(name) for row in piece]

    def _stream(self, name: LiteralString, *parameters: int) -> AsyncIterator[list[Row]]:
        return self._snapshot.stream(QUERIES[name], self._book, *parameters)


async def _with_next(
    pieces: AsyncIterator[list[Row]],
) -> AsyncIterator[tuple[Batch, Batch | None]]:
    """Each batch, with the one after it."""
    before: Batch | None = None
    async for piece in pieces:
        for row in piece:
            batch = Batch(*row)
            if before is not None:
                yield before, batch
            before = batch
    if before is not None:
        yield before, None


async def _taken(rows: OrderedRows, end: int) -> list[Row]:
    if not rows.reaches(end):
        await rows.read(end)
    return rows.take(end)


def _world(accounts: list[Row]) -> World:
    codes = Codes({row[0]: row[1] for row in accounts if isinstance(row[1], str)})
    return World(codes, {row[0]: row[2] for row in accounts})


def _number(value: int | None) -> int:
    return value if value is not None else 0
