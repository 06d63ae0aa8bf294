"""The canonical bytes of every record that the log holds; `docs/reference/ledger-log.md` has them.

One function per kind, from plain values in the order of the bytes. All integers are big-endian, ids
and hashes are raw bytes, and a record has one length: texts are in it by their hash (see `texts`).
Each begins with its version, its kind and its book, so no record can pass for one of another kind.

One rule: no two different records have the same bytes. So what means "none" is not also a value, a
length is checked (`struct` would pad), and an integer out of range raises `NotEncodable`.
They run about ten times per payment; hence no values of our own, no dicts, nothing built twice.
"""

from __future__ import annotations

import struct
from hashlib import sha256

from nostro.audit.texts import NotEncodable, encoded, repeated_encoded, repeated_texts, texts

VERSION = 1
TRANSFER, BALANCE, REJECTION, LIMIT_CHANGE, AUDIT_RECORD, HEADER, SNAPSHOT_BALANCE = range(1, 8)
TYPES = {"single": 1, "hold": 2, "capture": 3, "void": 4, "expire": 5}
NO_ID = bytes(16)
NO_HASH = bytes(32)
_NONE = -1

_transfer = struct.Struct(">BBIQ16s16s16sB?qqqIQ32s32s").pack
_balance = struct.Struct(">BBIQQqqqqqq32s").pack
_rejection = struct.Struct(">BBI16s16s16sQIB?qIQ32s32s").pack
_limit_change = struct.Struct(">BBIQQIqq").pack
_audit_record = struct.Struct(">BBIQ32s32s").pack
_header = struct.Struct(">BBIQQI16sQIIIIQI32s32s32s32s32s32s").pack


def transfer(
    book: int,
    seq: int,
    id: bytes,
    chain: bytes | None,
    hold: bytes | None,
    kind: str,
    final: bool,
    amount: int,
    posted: int,
    pending: int,
    effective_day: int,
    expires_ms: int | None,
    debit: str,
    credit: str,
    currency: str,
    code: str,
    subject: str,
    metadata_hash: bytes | None,
) -> bytes:
    """A transfer that was posted. `kind` is a word of `TYPES`; days count from 1970-01-01.

    `chain` is None for a transfer alone, `hold` for one that acts on no hold; `expires_ms` may be
    None or 0. `debit` and `credit` are account codes.
    """
    words = sha256(repeated_encoded(debit, credit, currency, code) + encoded(subject)).digest()
    try:
        return _transfer(
            VERSION, TRANSFER, book, seq, _id(id), _id_or_none(chain), _id_or_none(hold),
            TYPES[kind], final, amount, posted, pending, effective_day, expires_ms or 0,
            words, _hash_or_none(metadata_hash),
        )  # fmt: skip
    except (struct.error, KeyError) as error:
        raise _not_encodable("transfer", error) from error


def balance(
    book: int,
    account_no: int,
    version: int,
    debits_posted: int,
    credits_posted: int,
    debits_pending: int,
    credits_pending: int,
    overdraft_max: int | None,
    overcredit_max: int | None,
    code: str,
    currency: str,
) -> bytes:
    """An account after a batch that touched it. A limit of None is no limit."""
    try:
        return _balance(
            VERSION, BALANCE, book, account_no, version,
            debits_posted, credits_posted, debits_pending, credits_pending,
            _limit(overdraft_max), _limit(overcredit_max), repeated_texts(code, currency),
        )  # fmt: skip
    except struct.error as error:
        raise _not_encodable("balance", error) from error


def snapshot_balance(
    book: int,
    account_no: int,
    version: int,
    debits_posted: int,
    credits_posted: int,
    debits_pending: int,
    credits_pending: int,
    overdraft_max: int | None,
    overcredit_max: int | None,
    code: str,
    currency: str,
) -> bytes:
    """An account in a daily snapshot of all of them: the fields of a balance, a kind of its own."""
    try:
        return _balance(
            VERSION, SNAPSHOT_BALANCE, book, account_no, version,
            debits_posted, credits_posted, debits_pending, credits_pending,
            _limit(overdraft_max), _limit(overcredit_max), texts(code, currency),
        )  # fmt: skip
    except struct.error as error:
        raise _not_encodable("snapshot balance", error) from error


def rejection(
    book: int,
    id: bytes,
    chain: bytes | None,
    hold: bytes | None,
    after_seq: int,
    ordinal: int,
    kind: str,
    final: bool,
    amount: int,
    effective_day: int | None,
    expires_ms: int | None,
    debit: str,
    credit: str,
    currency: str,
    code: str,
    subject: str,
    reason: str,
    metadata_hash: bytes | None,
) -> bytes:
    """A transfer that the ledger refused; `after_seq` and `ordinal` say when.

    As asked for, so a day that was not given is None (or 0).
    """
    rest = encoded(subject, reason)
    words = sha256(repeated_encoded(debit, credit, currency, code) + rest).digest()
    try:
        return _rejection(
            VERSION, REJECTION, book, _id(id), _id_or_none(chain), _id_or_none(hold),
            after_seq, ordinal, TYPES[kind], final, amount, effective_day or 0, expires_ms or 0,
            words, _hash_or_none(metadata_hash),
        )  # fmt: skip
    except (struct.error, KeyError) as error:
        raise _not_encodable("rejection", error) from error


def limit_change(
    book: int,
    account_no: int,
    after_seq: int,
    ordinal: int,
    overdraft_max: int | None,
    overcredit_max: int | None,
) -> bytes:
    """The limits of an account from after transfer `after_seq` on; None is no limit."""
    try:
        return _limit_change(
            VERSION, LIMIT_CHANGE, book, account_no, after_seq, ordinal,
            _limit(overdraft_max), _limit(overcredit_max),
        )  # fmt: skip
    except struct.error as error:
        raise _not_encodable("limit change", error) from error


def audit_record(
    book: int,
    seq: int,
    action: str | None,
    subject: str | None,
    changes: str | None,
    actor: str | None,
    request_id: str | None,
    outcome: str | None,
    address_hash: bytes | None,
) -> bytes:
    """What somebody did to the book. `changes` is a JSON text, hashed as it is."""
    words = texts(action, subject, changes, actor, request_id, outcome)
    try:
        return _audit_record(VERSION, AUDIT_RECORD, book, seq, words, _hash_or_none(address_hash))
    except struct.error as error:
        raise _not_encodable("audit record", error) from error


def header(
    book: int,
    batch_no: int,
    at_ms: int,
    epoch: int,
    writer: bytes,
    first_transfer: int,
    transfer_count: int,
    balance_count: int,
    rejection_count: int,
    limit_count: int,
    first_audit: int,
    audit_count: int,
    transfers_root: bytes,
    balances_root: bytes,
    rejections_root: bytes,
    limits_root: bytes,
    audit_root: bytes,
    previous: bytes | None,
) -> bytes:
    """A batch: the leaf of the book's log at index `batch_no - 1`.

    `previous` is the leaf hash of the header before it, None for the first.
    """
    try:
        return _header(
            VERSION, HEADER, book, batch_no, at_ms, epoch, _id(writer),
            first_transfer, transfer_count, balance_count, rejection_count, limit_count,
            first_audit, audit_count,
            _hash(transfers_root), _hash(balances_root), _hash(rejections_root),
            _hash(limits_root), _hash(audit_root), _hash_or_none(previous),
        )  # fmt: skip
    except struct.error as error:
        raise _not_encodable("header", error) from error


def _id(value: bytes) -> bytes:
    if len(value) != 16:
        raise NotEncodable(f"an id has 16 bytes, not {len(value)}")
    return value


def _id_or_none(value: bytes | None) -> bytes:
    if value is None:
        return NO_ID
    if len(value) != 16 or value == NO_ID:
        raise NotEncodable("an id that is there has 16 bytes, not all of them zero")
    return value


def _hash(value: bytes) -> bytes:
    if len(value) != 32:
        raise NotEncodable(f"a hash has 32 bytes, not {len(value)}")
    return value


def _hash_or_none(value: bytes | None) -> bytes:
    if value is None:
        return NO_HASH
    if len(value) != 32 or value == NO_HASH:
        raise NotEncodable("a hash that is there has 32 bytes, not all of them zero")
    return value


def _limit(value: int | None) -> int:
    if value is None:
        return _NONE
    if value < 0:
        raise NotEncodable(f"a limit is not negative: {value}")
    return value


def _not_encodable(record: str, error: Exception) -> NotEncodable:
    return NotEncodable(f"a {record} cannot be recorded: {error}")
