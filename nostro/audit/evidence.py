"""Records of the log together with their proofs: what receipts are built from.

Plain values as the tables hold them: ids, hashes and salts are bytes, days count from 1970-01-01. Each
knows its leaf (`leaves`) and its words in a receipt (docs/reference/receipts.md).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from nostro.audit import leaves
from nostro.audit.texts import metadata_hash

Words = dict[str, Any]
_EPOCH = date(1970, 1, 1)


class Metadata(msgspec.Struct, frozen=True):
    """A transfer's metadata as recorded: the salt (16 bytes) and the JSON text."""

    salt: bytes
    text: str

    def hash(self) -> bytes:
        """What the transfer's record holds of it."""
        return metadata_hash(self.salt, self.text)


class ProvedTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer, its batch, its index there, and its proof in the batch's tree of transfers."""

    seq: int
    id: bytes
    chain: bytes | None
    hold: bytes | None
    kind: str
    final: bool
    amount: int
    posted: int
    pending: int
    effective_day: int
    expires_ms: int | None
    debit: str
    credit: str
    currency: str
    code: str
    subject: str
    metadata_hash: bytes | None
    metadata: Metadata | None
    batch_no: int
    index: int
    proof: tuple[bytes, ...]

    def leaf(self, book: int) -> bytes:
        """Its canonical bytes."""
        return leaves.transfer(
            book, self.seq, self.id, self.chain, self.hold, self.kind, self.final, self.amount,
            self.posted, self.pending, self.effective_day, self.expires_ms, self.debit, self.credit,
            self.currency, self.code, self.subject, self.metadata_hash,
        )  # fmt: skip

    def words(self) -> Words:
        """Its fields in a receipt."""
        metadata = self.metadata
        return _words(self, "kind", "effective_day", "batch_no", "metadata", "expires_ms") | {
            "type": self.kind,
            "effective": day_text(self.effective_day),
            "expires_ms": self.expires_ms or None,
            "batch": self.batch_no,
            "metadata": metadata and {"salt": metadata.salt.hex(), "text": metadata.text},
        }


class ProvedHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A batch's header and its proof in the log at the checkpoint's size."""

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
    previous: bytes | None
    proof: tuple[bytes, ...]

    def leaf(self, book: int) -> bytes:
        """Its canonical bytes."""
        return leaves.header(
            book, self.batch_no, self.at_ms, self.epoch, self.writer, self.first_transfer,
            self.transfer_count, self.balance_count, self.rejection_count, self.limit_count,
            self.first_audit, self.audit_count, self.transfers_root, self.balances_root,
            self.rejections_root, self.limits_root, self.audit_root, self.previous,
        )  # fmt: skip

    def words(self) -> Words:
        """Its fields in a receipt, where its number stands outside of it."""
        return _words(self, "batch_no")


class ProvedBalance(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a snapshot, and its proof in the snapshot's tree."""

    account_no: int
    version: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    overdraft_max: int | None
    overcredit_max: int | None
    code: str
    currency: str
    index: int
    proof: tuple[bytes, ...]

    def leaf(self, book: int) -> bytes:
        """Its canonical bytes."""
        return leaves.snapshot_balance(
            book, self.account_no, self.version, self.debits_posted, self.credits_posted,
            self.debits_pending, self.credits_pending, self.overdraft_max, self.overcredit_max,
            self.code, self.currency,
        )  # fmt: skip

    def words(self) -> Words:
        """Its fields in a balance file."""
        return _words(self)


class ProvedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An audit record and its proof in its batch's tree of them."""

    seq: int
    action: str | None
    subject: str | None
    changes: str | None
    actor: str | None
    request_id: str | None
    outcome: str | None
    address_hash: bytes | None
    index: int
    proof: tuple[bytes, ...]

    def leaf(self, book: int) -> bytes:
        """Its canonical bytes."""
        return leaves.audit_record(
            book, self.seq, self.action, self.subject, self.changes, self.actor,
            self.request_id, self.outcome, self.address_hash,
        )  # fmt: skip

    def words(self) -> Words:
        """Its fields in a balance file."""
        return _words(self)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A daily snapshot of every account: which batch and transfer it follows, and its tree."""

    as_of_batch: int
    day: int
    last_transfer: int
    account_count: int
    root: bytes

    def words(self) -> Words:
        """Its fields in a balance file."""
        return _words(self, "day") | {"day": day_text(self.day)}

    def changes(self) -> str:
        """What its audit record says, as JSON text."""
        said = [self.as_of_batch, self.last_transfer, self.account_count, self.root.hex()]
        return msgspec.json.encode([*said, day_text(self.day)]).decode()


def day_text(day: int) -> str:
    """A day as YYYY-MM-DD."""
    return (_EPOCH + timedelta(day)).isoformat()


def proof_words(proof: Sequence[bytes]) -> list[str]:
    """The hashes of a proof in base64."""
    return [base64.b64encode(step).decode() for step in proof]


def _words(record: msgspec.Struct, *other: str) -> Words:
    """Fields under their own names but for those named: bytes in hexadecimal, a proof in base64."""
    names = [name for name in record.__struct_fields__ if name not in other]
    return {name: _word(getattr(record, name)) for name in names}


def _word(value: Any) -> Any:
    if isinstance(value, tuple):
        return proof_words(value)
    return value.hex() if isinstance(value, bytes) else value
