"""A folded batch under its header: what the book's log will say of it.

The header holds the roots of everything the batch did and is one leaf of the book's RFC 6962 tree, whose frontier moves
in the same transaction as the money. docs/reference/ledger-log.md has the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nostro.audit import leaves, merkle
from nostro.audit.record import AuditRecord
from nostro.audit.texts import metadata_hash
from nostro.kernel.posting import Transfer
from nostro.ledger.days import day_of
from nostro.ledger.fold import Account, Fold, LimitsChanged, Posted, Rejected

NO_LEAF = bytes(32)


class Head(NamedTuple):
    """A book's head as it was read under its lock."""

    epoch: int
    next_seq: int
    next_transfer: int
    next_account: int
    next_batch: int
    next_audit: int
    last_ms: int
    last_leaf: bytes
    frontier: bytes


class Salted(NamedTuple):
    """Metadata that may be erased, and the salt that keeps its hash from being guessed."""

    text: str
    salt: bytes


class Sealed:
    """Everything a batch writes to the ledger and the log. `salts` draws bytes for what may be erased."""

    def __init__(
        self,
        book: int,
        head: Head,
        fold: Fold,
        versions_read: dict[str, int],
        audit: list[AuditRecord],
        writer: str,
        salts: Iterable[bytes],
    ) -> None:
        self.book, self.head, self.fold = book, head, fold
        self.versions_read, self.audit, self.writer = versions_read, audit, writer
        self.batch_no, self.at_ms, self.day = head.next_batch, fold.now_ms, day_of(fold.now_ms)
        self.touched = _touched(fold, versions_read)
        self.salted = _salted(fold, salts)
        self._hashes = {
            identifier: metadata_hash(found.salt, found.text)
            for identifier, found in self.salted.items()
        }
        self.roots = (
            _root(self._transfer(n, found) for n, found in enumerate(fold.posted)),
            _root(self._balance(account) for account in self.touched),
            _root(self._rejection(found) for found in fold.rejected),
            _root(self._limits(found) for found in fold.limits),
            _root(self._record(n, found) for n, found in enumerate(audit)),
        )
        self.leaf = merkle.leaf_hash(self._header())
        self.frontier = merkle.append(head.frontier, self.batch_no - 1, self.leaf)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Transfers, balances, refusals and changes of limits."""
        fold = self.fold
        return len(fold.posted), len(self.touched), len(fold.rejected), len(fold.limits)

    def effective_day(self, transfer: Transfer) -> int:
        """The day a transfer counts for."""
        return self.day if transfer.effective_on is None else transfer.effective_on

    def metadata_hash(self, transfer: Transfer) -> bytes | None:
        """The salted hash of a transfer's metadata, if it has any."""
        return self._hashes.get(transfer.id) if self._hashes else None

    def header(self) -> tuple[object, ...]:
        """The fields of the header in order: what a row of `batches` holds after the book and before its leaf."""
        head = self.head
        transfers, balances, rejections, limits = self.counts
        return (
            self.batch_no, self.at_ms, head.epoch, self.writer, head.next_transfer, transfers,
            balances, rejections, limits, head.next_audit, len(self.audit), *self.roots,
            head.last_leaf,
        )  # fmt: skip

    def _header(self) -> bytes:
        head = self.head
        previous = head.last_leaf if head.last_leaf != NO_LEAF else None
        return leaves.header(
            self.book, self.batch_no, self.at_ms, head.epoch, bytes.fromhex(self.writer),
            head.next_transfer, *self.counts, head.next_audit, len(self.audit), *self.roots,
            previous,
        )  # fmt: skip

    def _transfer(self, number: int, posted: Posted) -> bytes:
        found = posted.transfer
        return leaves.transfer(
            self.book, self.head.next_transfer + number, bytes.fromhex(found.id),
            _id(posted.chain), _id(found.hold), found.kind, found.final, found.amount,
            posted.posted, posted.pending, self.effective_day(found), found.expires_ms,
            found.debit, found.credit, found.currency, found.code, found.subject,
            self.metadata_hash(found),
        )  # fmt: skip

    def _balance(self, account: Account) -> bytes:
        return leaves.balance(
            self.book, account.number, account.version, account.dp, account.cp, account.dq,
            account.cq, account.overdraft_max, account.overcredit_max, account.code,
            account.currency,
        )  # fmt: skip

    def _rejection(self, rejected: Rejected) -> bytes:
        found = rejected.transfer
        return leaves.rejection(
            self.book, bytes.fromhex(found.id), _id(rejected.chain), _id(found.hold),
            rejected.after_seq, rejected.ordinal, found.kind, found.final, found.amount,
            found.effective_on, found.expires_ms, found.debit, found.credit, found.currency,
            found.code, found.subject, rejected.reason, self.metadata_hash(found),
        )  # fmt: skip

    def _limits(self, change: LimitsChanged) -> bytes:
        return leaves.limit_change(
            self.book, change.account.number, change.after_seq, change.ordinal,
            change.limits.overdraft_max, change.limits.overcredit_max,
        )  # fmt: skip

    def _record(self, number: int, record: AuditRecord) -> bytes:
        return leaves.audit_record(
            self.book, self.head.next_audit + number, record.action, record.subject,
            record.changes, record.actor, record.request_id, record.outcome, record.address_hash,
        )  # fmt: skip


def _root(data: Iterable[bytes]) -> bytes:
    return merkle.root([merkle.leaf_hash(found) for found in data])


def _id(hexadecimal: str | None) -> bytes | None:
    return None if hexadecimal is None else bytes.fromhex(hexadecimal)


def _touched(fold: Fold, versions_read: dict[str, int]) -> list[Account]:
    """Accounts that are new, moved or limited, by number."""
    limited = {change.account.code for change in fold.limits}
    found = [
        account
        for account in fold.accounts.values()
        if account.is_new
        or account.version != versions_read.get(account.code)
        or account.code in limited
    ]
    return sorted(found, key=lambda account: account.number)


def _salted(fold: Fold, salts: Iterable[bytes]) -> dict[str, Salted]:
    transfers = [found.transfer for found in fold.posted]
    transfers += [found.transfer for found in fold.rejected]
    texts = {found.id: found.metadata for found in transfers if found.metadata is not None}
    return {
        identifier: Salted(text, salt)
        for (identifier, text), salt in zip(texts.items(), salts, strict=False)
    }
