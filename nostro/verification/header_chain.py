"""Follows the headers of a book's batches: each is hashed again, and has to continue the one before.

A header whose leaf is not its hash is compared with what the rows give: if they give the leaf, the header's own columns
were changed, and are named. Where a stored leaf was changed and the next header still knows the old one, the old one
counts, so that one changed row is one finding.
"""

from __future__ import annotations

from typing import NamedTuple

from nostro.audit import leaves, merkle
from nostro.audit.texts import NotEncodable
from nostro.verification.findings import Findings

NO_LEAF = bytes(32)
COLUMNS = (
    "batch_no", "at_ms", "epoch", "writer", "first_transfer", "transfer_count", "balance_count",
    "rejection_count", "limit_count", "first_audit", "audit_count", "transfers_root",
    "balances_root", "rejections_root", "limits_root", "audit_root", "previous_leaf", "leaf",
)  # fmt: skip
ROOT_CHECKS = (
    "transfers_root", "balances_root", "rejections_root", "limits_root", "audit_root",
)  # fmt: skip
CONTINUED = ("batch_no", "first_transfer", "first_audit", "previous_leaf")


class Batch(NamedTuple):
    """A row of `stream_batches`."""

    batch_no: int
    at_ms: int
    epoch: int
    writer: bytes
    first_transfer: int
    transfer_count: int
    balance_count: int
    rejection_count: int
    limit_count: int
    first_audit: int
    audit_count: int
    transfers_root: bytes
    balances_root: bytes
    rejections_root: bytes
    limits_root: bytes
    audit_root: bytes
    previous_leaf: bytes
    leaf: bytes

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The five roots, in the order of `ROOT_CHECKS`."""
        return self[11:16]


class Position(NamedTuple):
    """After which batch the next one has to follow, and what it continues."""

    batch_no: int = 0
    next_transfer: int = 1
    next_audit: int = 1
    at_ms: int = 0
    epoch: int = 0
    leaf: bytes = NO_LEAF
    frontier: bytes = b""


class Counted(NamedTuple):
    """What a batch's rows give: how many there are of each kind, and their five roots."""

    transfers: int
    balances: int
    rejections: int
    limits: int
    records: int
    roots: tuple[bytes, ...]


class HeaderChain:
    """Where the chain stands. `position` is what an incremental audit continues from.

    `leaves` are the leaf hashes since the beginning of this audit, 32 bytes each; `broken` is the index of the first that
    is not known, since its batch is missing.
    """

    def __init__(self, book: int, findings: Findings, position: Position | None = None) -> None:
        self._book, self._findings, self.position = book, findings, position or Position()
        self._last: tuple[bytes, bytes] | None = None  # stored and computed leaf of the last batch
        self._size = self.position.batch_no
        self.leaves = bytearray()
        whole = len(self.position.frontier) == merkle.HASH_BYTES * self._size.bit_count()
        self.broken = None if whole else self._size

    def fits(self, batch: Batch) -> bool:
        """Whether the stored leaf is the hash of the stored header."""
        return leaf_of(self._book, batch) == batch.leaf

    def follow(self, batch: Batch, counted: Counted) -> list[str]:
        """Check a batch against its rows and the batch before, and move on. Returns the roots that its rows do not give,
        unless it was the header that was changed."""
        self._settle(batch.previous_leaf)
        derived = self._derived(batch, counted)
        off = [
            name
            for name, stored, wanted in zip(COLUMNS, batch, derived, strict=True)
            if stored != wanted
        ]
        computed = leaf_of(self._book, batch)
        roots = [name for name in off if name in ROOT_CHECKS]
        if computed != batch.leaf:
            header_was_changed = leaf_of(self._book, derived) == batch.leaf
            self._leaf_is_off(batch, off if header_was_changed else [])
            roots = [] if header_was_changed else roots
        else:
            self._not_following(batch, derived, off)
        self._not_later(batch)
        self._move_on(batch, derived, computed)
        return roots

    def missing_before(self, batch: Batch) -> None:
        """A gap before this batch: name it, and continue as if what is missing fitted."""
        position = self._settle(batch.previous_leaf)
        first, last = position.batch_no + 1, batch.batch_no - 1
        self._findings.add("batch_headers", f"batch {first}", f"missing, up to batch {last}")
        if first == last and is_hash(batch.previous_leaf):  # what the next one says of it
            self._grow(batch.previous_leaf)
        elif self.broken is None:
            self.broken = first - 1
        self.position = self.position._replace(
            batch_no=last, next_transfer=batch.first_transfer, next_audit=batch.first_audit,
            leaf=batch.previous_leaf,
        )  # fmt: skip

    def end(self, head_leaf: bytes | None) -> Position:
        """The position after the last batch. If two leaves of it are possible, the head says which counts."""
        return self._settle(head_leaf)

    def _settle(self, said_later: bytes | None) -> Position:
        """Which leaf of the last batch counts, if there are two: the one that was built upon."""
        if self._last is not None:
            stored, computed = self._last
            self._last = None
            leaf = computed if said_later == computed or not is_hash(stored) else stored
            self._grow(leaf)
            self.position = self.position._replace(leaf=leaf)
        return self.position

    def _grow(self, leaf: bytes) -> None:
        self.leaves += leaf
        if self.broken is None:
            frontier = merkle.append(self.position.frontier, self._size, leaf)
            self.position = self.position._replace(frontier=frontier)
            self._size += 1

    def _derived(self, batch: Batch, counted: Counted) -> Batch:
        """The header as the rows and the batch before say it must be."""
        before = self.position
        return Batch._make([
            before.batch_no + 1, batch.at_ms, batch.epoch, batch.writer,
            before.next_transfer, counted.transfers, counted.balances, counted.rejections,
            counted.limits, before.next_audit, counted.records,
            *counted.roots, before.leaf, batch.leaf,
        ])  # fmt: skip

    def _leaf_is_off(self, batch: Batch, columns: list[str]) -> None:
        what = ", ".join(columns) or "at_ms, epoch, writer, the leaf, or rows and header together"
        detail = f"its leaf is not the hash of its header: changed: {what}"
        self._findings.add("batch_headers", f"batch {batch.batch_no}", detail)

    def _not_following(self, batch: Batch, derived: Batch, off: list[str]) -> None:
        """Columns that the batch before determines. What rows determine is told where the rows are named."""
        wrong = [name for name in off if name in CONTINUED]
        counts = [name for name in off if name.endswith("_count")]
        if wrong:
            detail = f"it does not follow the batch before: {', '.join(wrong)}"
            self._findings.add("batch_headers", f"batch {batch.batch_no}", detail)
        for name in counts:
            at = COLUMNS.index(name)
            root = COLUMNS[at + 6 if at < 9 else 15]
            detail = f"{derived[at]!r} rows, its header says {batch[at]!r}"
            if root not in off:
                self._findings.add(root, f"batch {batch.batch_no}", detail)

    def _not_later(self, batch: Batch) -> None:
        if not _not_below(batch.at_ms, self.position.at_ms):
            detail = f"at {batch.at_ms}, before {self.position.at_ms} of the batch before"
            self._findings.add("batch_headers", f"batch {batch.batch_no}", detail)
        if not _not_below(batch.epoch, self.position.epoch):
            detail = f"epoch {batch.epoch} after epoch {self.position.epoch}"
            self._findings.add("batch_headers", f"batch {batch.batch_no}", detail)

    def _move_on(self, batch: Batch, derived: Batch, computed: bytes) -> None:
        self._last = (batch.leaf, computed)
        before = self.position
        sure = batch if computed == batch.leaf else derived
        self.position = before._replace(
            batch_no=derived.batch_no,
            next_transfer=sure.first_transfer + sure.transfer_count,
            next_audit=sure.first_audit + sure.audit_count,
            at_ms=batch.at_ms if _not_below(batch.at_ms, before.at_ms) else before.at_ms,
            epoch=batch.epoch if _not_below(batch.epoch, before.epoch) else before.epoch,
        )


def leaf_of(book: int, batch: Batch) -> bytes:
    """The leaf hash of a header; of one that has no form in the log, the hash of nothing."""
    previous = None if batch.previous_leaf == NO_LEAF else batch.previous_leaf
    try:
        return merkle.leaf_hash(leaves.header(book, *batch[:16], previous))
    except (NotEncodable, TypeError):
        return merkle.leaf_hash(b"")


def is_hash(value: object) -> bool:
    """Whether it can be a leaf of a tree at all."""
    return isinstance(value, bytes) and len(value) == merkle.HASH_BYTES


def _not_below(value: int | None, least: int) -> bool:
    return value is not None and value >= least
