"""The leaf hashes of rows, exactly as the committer made them. A row that has no form in the log is named.

Two different rows must never hash alike. `nostro.audit.leaves` sees to most of that; what it takes as "none" although
a column can also hold it (0 beside NULL) is refused here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

from nostro.audit import leaves
from nostro.audit.leaves import NO_HASH, NO_ID
from nostro.audit.texts import NotEncodable, repeated_texts
from nostro.ledger.fold import Account
from nostro.verification.rows import Row

Codes = Callable[[int], str]
Refuse = Callable[[Row, str], None]
_ODD = (NotEncodable, TypeError, ValueError, AttributeError, struct.error)
# The prefix of a leaf, then what docs/reference/ledger-log.md has for kinds 1 and 2.
_plain_transfer = struct.Struct(">BBBIQ16s16s16sB?qqqIQ32s32s").pack
_plain_balance = struct.Struct(">BBBIQQqqqqqq32s").pack
_NO_FORM = sha256(b"\x00").digest()


def transfers(book: int, rows: Sequence[Row], code: Codes, refuse: Refuse) -> list[bytes]:
    """Of rows of `stream_transfers`."""
    part, pack, digest = _part, _plain_transfer, sha256
    hashes = []
    for row in rows:
        # Nearly all are alone, on no hold, without metadata: their bytes are made here, at half the cost.
        if row[2] is row[3] is row[10] is row[16] is None and row[4] == "single":
            try:
                texts = (part(code(row[11])) + part(code(row[12])) + part(row[13]) + part(row[14])
                         + _encoded(row[15]))  # fmt: skip
                if row[5] is False and len(row[1]) == 16 and row[9] > 0:
                    words = digest(texts).digest()
                    data = pack(
                        0, leaves.VERSION, leaves.TRANSFER, book, row[0], row[1], NO_ID, NO_ID, 1,
                        False, row[6], row[7], row[8], row[9], 0, words, NO_HASH,
                    )  # fmt: skip
                    hashes.append(digest(data).digest())
                    continue
            except _ODD:
                pass  # it will be refused for its reason
        hashes.append(_hash_of(book, row, code, refuse))
    return hashes


def _hash_of(book: int, row: Row, code: Codes, refuse: Refuse) -> bytes:
    encode: Callable[..., bytes] = leaves.transfer
    try:
        if row[5] is None or row[10] == 0 or row[9] <= 0:
            raise NotEncodable("final is NULL, expires_ms is 0, or its day of effect is none")
        data = encode(book, *row[:11], code(row[11]), code(row[12]), *row[13:17])
        return sha256(b"\x00" + data).digest()
    except _ODD as error:
        refuse(row, str(error))
        return _NO_FORM


def balances(book: int, accounts: Iterable[Account]) -> list[bytes]:
    """Of accounts as a batch left them, by number."""
    hashes = []
    digest, pack = sha256, _plain_balance
    for found in accounts:
        try:
            if found.overdraft_max is found.overcredit_max is None:
                data = pack(
                    0, leaves.VERSION, leaves.BALANCE, book, found.number, found.version,
                    found.dp, found.cp, found.dq, found.cq, -1, -1,
                    repeated_texts(found.code, found.currency),
                )  # fmt: skip
            else:
                data = b"\x00" + _limited_balance(book, found)
            hashes.append(digest(data).digest())
        except _ODD:  # its row is named by whoever made this balance of it
            hashes.append(_NO_FORM)
    return hashes


def _limited_balance(book: int, found: Account) -> bytes:
    return leaves.balance(
        book, found.number, found.version, found.dp, found.cp, found.dq, found.cq,
        found.overdraft_max, found.overcredit_max, found.code, found.currency,
    )  # fmt: skip


@lru_cache(maxsize=65_536)
def _part(text: str) -> bytes:
    return _encoded(text)


def _encoded(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4) + data


def rejections(book: int, rows: Sequence[Row], refuse: Refuse) -> list[bytes]:
    """Of rows of `stream_rejections`."""
    return [_hash(row, _rejection, book, refuse) for row in rows]


def limit_changes(book: int, rows: Sequence[Row], refuse: Refuse) -> list[bytes]:
    """Of rows of `stream_limit_changes`."""
    return [_hash(row, _limit_change, book, refuse) for row in rows]


def audit_records(book: int, rows: Sequence[Row], refuse: Refuse) -> list[bytes]:
    """Of rows of `stream_audit_records`."""
    return [_hash(row, _audit_record, book, refuse) for row in rows]


def _hash(row: Row, encode: Callable[[int, Row], bytes], book: int, refuse: Refuse) -> bytes:
    try:
        return sha256(b"\x00" + encode(book, row)).digest()
    except _ODD as error:
        refuse(row, str(error))
        return _NO_FORM


def _rejection(book: int, row: Row) -> bytes:
    (_, ordinal, after_seq, identifier, chain, hold, kind, final, amount, day, expires, debit,
     credit, currency, code, subject, reason, metadata_hash) = row  # fmt: skip
    if final is None or expires == 0 or day == 0:
        raise NotEncodable("final is NULL, expires_ms is 0, or its day of effect is 1970-01-01")
    return leaves.rejection(
        book, identifier, chain, hold, after_seq, ordinal, kind, final, amount, day, expires,
        debit, credit, currency, code, subject, reason, metadata_hash,
    )  # fmt: skip


def _limit_change(book: int, row: Row) -> bytes:
    _, ordinal, after_seq, account_no, overdraft_max, overcredit_max = row
    return leaves.limit_change(book, account_no, after_seq, ordinal, overdraft_max, overcredit_max)


def _audit_record(book: int, row: Row) -> bytes:
    return leaves.audit_record(book, *row[:8])
