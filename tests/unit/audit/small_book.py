"""A small book with a log: five batches of transfers, the fourth with an audit record of a snapshot."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.audit import checkpoints, merkle
from nostro.audit.checkpoints import Checkpoint
from nostro.audit.evidence import (
    Metadata,
    ProvedBalance,
    ProvedHeader,
    ProvedRecord,
    ProvedTransfer,
    Snapshot,
)
from nostro.audit.notes import Signer

BOOK = 3
ORIGIN = f"ledger.example/book/{BOOK}"
LOG = Signer(ORIGIN, bytes(range(32)))
ROTATED = Signer(ORIGIN, bytes(range(1, 33)))
WITNESS = Signer("witness.example/w", bytes(range(2, 34)))
TIME_MS = 1_795_000_000_000
DAY = 20_775
CODES = sorted(
    [
        "acquirer:sandbox:clearing:usd",
        "merchant:acct_1:available:usd",
        "merchant:acct_1:pending:usd",
    ]
)
PER_BATCH = [2, 1, 3, 2, 1]
SNAPSHOT_BATCH = 4


def a_transfer(seq: int, subject: str, batch_no: int = 0, index: int = 0) -> ProvedTransfer:
    metadata = Metadata(bytes([seq]) * 16, '{"order":"ü 6735"}') if seq % 2 else None
    return ProvedTransfer(
        seq=seq, id=seq.to_bytes(16), chain=bytes([7]) * 16 if seq == 1 else None,
        hold=(seq - 1).to_bytes(16) if seq == 5 else None, kind="capture" if seq == 5 else "single",
        final=seq == 5, amount=2_000 + seq, posted=2_000 + seq, pending=-2_005 if seq == 5 else 0,
        effective_day=DAY, expires_ms=None, debit=CODES[0], credit=CODES[2], currency="usd",
        code="sale" if subject.startswith("ch_") else "refund", subject=subject,
        metadata_hash=metadata.hash() if metadata else None, metadata=metadata,
        batch_no=batch_no, index=index, proof=(),
    )  # fmt: skip


class SmallBook:
    """The records, the trees over them, and proofs from these."""

    def __init__(self, codes: list[str] = CODES, day: int = DAY - 1) -> None:
        self.codes = codes
        self.transfers: list[list[ProvedTransfer]] = []
        seq = 0
        for batch_no, count in enumerate(PER_BATCH, 1):
            first = seq + 1
            seq += count
            self.transfers.append([
                a_transfer(one, "re_1" if one == 9 else f"ch_{one % 4}", batch_no, one - first)
                for one in range(first, seq + 1)
            ])  # fmt: skip
        self.balances = [self._balance(at, code) for at, code in enumerate(codes)]
        self.snapshot = Snapshot(
            as_of_batch=3, day=day, last_transfer=6, account_count=len(codes),
            root=merkle.root(self._balance_leaves()),
        )  # fmt: skip
        self.records = [self._record(1, "key.made", "sk_1", "{}"), self._record(
            2, "balance_snapshot", "snapshot:3", self.snapshot.changes())]  # fmt: skip
        self.headers: list[ProvedHeader] = []
        for batch_no in range(1, len(PER_BATCH) + 1):
            self.headers.append(self._header(batch_no))

    def note(self, size: int | None = None, signer: Signer = LOG) -> str:
        size = len(PER_BATCH) if size is None else size
        root = merkle.root(self.log_leaves()[:size])
        return checkpoints.sign(Checkpoint(ORIGIN, size, root, TIME_MS + size), [signer])

    def log_leaves(self) -> list[bytes]:
        return [merkle.leaf_hash(header.leaf(BOOK)) for header in self.headers]

    def of(self, subject: str) -> list[ProvedTransfer]:
        return [
            _with_proof(one, self._transfer_leaves(one.batch_no), one.index)
            for batch in self.transfers
            for one in batch
            if one.subject == subject
        ]

    def header(self, batch_no: int, size: int = len(PER_BATCH)) -> ProvedHeader:
        proof = merkle.inclusion_proof(self.log_leaves(), batch_no - 1, size)
        return msgspec.structs.replace(self.headers[batch_no - 1], proof=tuple(proof))

    def headers_of(self, subject: str, size: int = len(PER_BATCH)) -> list[ProvedHeader]:
        return [self.header(n, size) for n in sorted({one.batch_no for one in self.of(subject)})]

    def balance(self, index: int) -> ProvedBalance:
        found: ProvedBalance = _with_proof(self.balances[index], self._balance_leaves(), index)
        return found

    def record(self, index: int = 1) -> ProvedRecord:
        found: ProvedRecord = _with_proof(self.records[index], self._record_leaves(), index)
        return found

    def _header(self, batch_no: int) -> ProvedHeader:
        transfers = self.transfers[batch_no - 1]
        audits = self._record_leaves() if batch_no == SNAPSHOT_BATCH else []
        return ProvedHeader(
            batch_no=batch_no, at_ms=TIME_MS + batch_no, epoch=2, writer=bytes([9]) * 16,
            first_transfer=transfers[0].seq, transfer_count=len(transfers), balance_count=2,
            rejection_count=0, limit_count=0, first_audit=1 if batch_no <= SNAPSHOT_BATCH else 3,
            audit_count=len(audits), transfers_root=merkle.root(self._transfer_leaves(batch_no)),
            balances_root=bytes([1]) * 32, rejections_root=merkle.EMPTY_ROOT,
            limits_root=merkle.EMPTY_ROOT, audit_root=merkle.root(audits),
            previous=merkle.leaf_hash(self.headers[-1].leaf(BOOK)) if self.headers else None,
            proof=(),
        )  # fmt: skip

    def _balance(self, at: int, code: str) -> ProvedBalance:
        return ProvedBalance(
            account_no=at + 1, version=5, debits_posted=10 * at, credits_posted=2_000,
            debits_pending=0, credits_pending=3, overdraft_max=0 if at else None,
            overcredit_max=None, code=code, currency="usd", index=at, proof=(),
        )  # fmt: skip

    def _record(self, seq: int, action: str, subject: str, changes: str) -> ProvedRecord:
        return ProvedRecord(
            seq=seq, action=action, subject=subject, changes=changes, actor=None, request_id="req_1",
            outcome="ok", address_hash=bytes([4]) * 32, index=seq - 1, proof=(),
        )  # fmt: skip

    def _transfer_leaves(self, batch_no: int) -> list[bytes]:
        return [merkle.leaf_hash(one.leaf(BOOK)) for one in self.transfers[batch_no - 1]]

    def _balance_leaves(self) -> list[bytes]:
        return [merkle.leaf_hash(one.leaf(BOOK)) for one in self.balances]

    def _record_leaves(self) -> list[bytes]:
        return [merkle.leaf_hash(one.leaf(BOOK)) for one in self.records]


def _with_proof(record: Any, hashes: list[bytes], index: int) -> Any:
    proof = tuple(merkle.inclusion_proof(hashes, index, len(hashes)))
    return msgspec.structs.replace(record, proof=proof)
