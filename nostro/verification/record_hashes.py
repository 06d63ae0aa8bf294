"""The leaf hashes of rows, exactly as the committer made them. A row that has no form in the log is named.

Two different rows must never hash alike. `nostro.audit.leaves` sees to most of that; what it takes as "none" although
a column can also hold it (0 beside NULL) is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from nostro.audit import leaves
from nostro.audit.texts import NotEncodable
from nostro.ledger.fold import Account
from nostro.verification.rows import Row

Codes = Callable[[int], str]
Refuse = Callable[[Row, str], None]
_ODD = (NotEncodable, TypeError, ValueError)
_NO_FORM = sha256(b"\x00").digest()


def transfers(book: int, rows: Sequence[Row], code: Codes, refuse: Refuse) -> list[bytes]:
    """Of rows of `stream_transfers`."""
    hashes = []
    encode: Callable[..., bytes] = leaves.transfer
    for row in rows:
        try:
            if row[5] is None or row[10] == 0 or row[9] <= 0:
                raise NotEncodable("final is NULL, expires_ms is 0, or its day of effect is none")
            data = encode(book, *row[:11], code(row[11]), code(row[12]), *row[13:17])
            hashes.append(sha256(b"\x00" + data).digest())
        except _ODD as error:
            refuse(row, str(error))
            hashes.append(_NO_FORM)
    return hashes


def balances(book: int, accounts: Iterable[Account]) -> list[bytes]:
    """Of accounts as a batch left them, by number."""
    hashes = []
    encode = leaves.balance
    for found in accounts:
        try:
            data = encode(
                book, found.number, found.version, found.dp, found.cp, found.dq, found.cq,
                found.overdraft_max, found.overcredit_max, found.code, found.currency,
            )  # fmt: skip
            hashes.append(sha256(b"\x00" + data).digest())
        except _ODD:  # its row is named by whoever made this balance of it
            hashes.append(_NO_FORM)
    return hashes


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
