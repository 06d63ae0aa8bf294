"""The files that anyone can verify offline: receipts, consistency proofs, balances.

docs/reference/receipts.md has their fields. Pure: records and proofs in, canonical JSON out. A file
that would not verify is never given out: every proof in it is followed here first, which costs less
than a millisecond. The signature is the one thing not looked at; the key is not here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from nostro.audit import checkpoints, merkle, notes
from nostro.audit.checkpoints import Checkpoint
from nostro.audit.evidence import (
    ProvedBalance,
    ProvedHeader,
    ProvedRecord,
    ProvedTransfer,
    Snapshot,
    Words,
    day_text,
    proof_words,
)
from nostro.audit.notes import NoteRefused
from nostro.kernel.clock import DAY
from nostro.kernel.errors import OurMistake

SUBJECTS = {"payment": ("ch_", "py_", "pi_"), "refund": ("re_", "pyr_")}
LONGEST_FILE_BYTES = 1_000_000
SNAPSHOT_ACTION = "balance_snapshot"
_BOOK = re.compile(r".+/book/(0|[1-9][0-9]{0,8})")


class ProofBroken(OurMistake):
    """A file was asked for whose proofs do not hold."""


def build_receipt(
    kind: str,
    subject: str,
    transfers: Iterable[ProvedTransfer],
    batches: Iterable[ProvedHeader],
    checkpoint: str,
) -> bytes:
    """The receipt of a payment or a refund: every transfer names `subject`. Raises `ProofBroken`.

    `checkpoint` is a signed note with one signature, the log's; the headers' proofs are for its size.
    """
    log = _checkpoint(checkpoint)
    headers = {header.batch_no: header for header in batches}
    ordered = sorted(transfers, key=lambda transfer: transfer.seq)
    _hold(subject.startswith(SUBJECTS.get(kind, ())), f"{subject} is no subject of a {kind}")
    _hold(bool(ordered), f"{subject} has no transfers")
    _hold({one.batch_no for one in ordered} == set(headers), "the batches are not the transfers'")
    for header in headers.values():
        _check_header(log, header)
    for transfer in ordered:
        _check_transfer(log, headers[transfer.batch_no], transfer, subject)
    return _canonical(
        {
            "nostro_receipt": 1,
            "kind": kind,
            "subject": subject,
            "origin": log.origin,
            "transfers": [transfer.words() for transfer in ordered],
            "batches": {str(number): header.words() for number, header in headers.items()},
            "checkpoint": checkpoint,
        }
    )


def build_consistency(old: str, new: str, proof: Sequence[bytes]) -> bytes:
    """The proof that the log at checkpoint `new` begins with the log at `old`."""
    older, newer = _checkpoint(old), _checkpoint(new)
    _hold(older.origin == newer.origin, "the checkpoints are of two logs")
    holds = merkle.verify_consistency(older.size, older.root, newer.size, newer.root, proof)
    _hold(holds, f"the proof from {older.size} to {newer.size} does not hold")
    return _canonical(
        {
            "nostro_consistency": 1,
            "origin": newer.origin,
            "old": old,
            "new": new,
            "proof": proof_words(proof),
        }
    )


def build_balance(
    account: str,
    snapshot: Snapshot,
    balances: Sequence[ProvedBalance],
    record: ProvedRecord,
    header: ProvedHeader,
    checkpoint: str,
) -> bytes:
    """What a daily snapshot says of an account. Raises `ProofBroken`.

    `balances` is the account's own, or where it is absent its neighbours in byte order of their
    codes: the last before it and the first after it, whichever exist. `record` is the audit record
    of the snapshot and `header` its batch's.
    """
    log = _checkpoint(checkpoint)
    _check_header(log, header)
    _check_record(log, header, record, snapshot)
    for balance in balances:
        _check_balance(log, snapshot, balance)
    found = [balance.code for balance in balances] == [account]
    _hold(found or _encloses(account, snapshot, balances), f"{account} is neither shown nor absent")
    return _canonical(
        {
            "nostro_balance": 1,
            "origin": log.origin,
            "account": account,
            "day": day_text(snapshot.day),
            "found": found,
            "snapshot": snapshot.words(),
            "leaves": [balance.words() for balance in balances],
            "audit": record.words(),
            "batch_no": header.batch_no,
            "batch": header.words(),
            "checkpoint": checkpoint,
        }
    )


def book_of(origin: str) -> int:
    """The number of the book, which a log's origin ends in. Raises `ProofBroken`."""
    found = _BOOK.fullmatch(origin)
    if found is None:
        raise ProofBroken(f"the origin {origin} does not end in /book/ and a number")
    return int(found[1])


def _checkpoint(note: str) -> Checkpoint:
    try:
        parsed = notes.parse(note)
        found = checkpoints.parse_text(parsed.text)
    except NoteRefused as error:
        raise ProofBroken(str(error)) from error
    names = [line.name for line in parsed.signatures]
    # Another's signature could be changed and the file still verify: see the reference.
    _hold(names == [found.origin], "a checkpoint in a file has one signature, the log's")
    return found


def _check_header(log: Checkpoint, header: ProvedHeader) -> None:
    leaf, index = merkle.leaf_hash(header.leaf(book_of(log.origin))), header.batch_no - 1
    holds = merkle.verify_inclusion(leaf, index, log.size, header.proof, log.root)
    _hold(holds, f"batch {header.batch_no} is not in the log of {log.size}")


def _check_transfer(
    log: Checkpoint, header: ProvedHeader, transfer: ProvedTransfer, subject: str
) -> None:
    what = f"transfer {transfer.seq}"
    _hold(transfer.subject == subject, f"{what} is of {transfer.subject}, not of {subject}")
    _hold(transfer.seq == header.first_transfer + transfer.index, f"{what} is not at its place")
    leaf = merkle.leaf_hash(transfer.leaf(book_of(log.origin)))
    holds = merkle.verify_inclusion(
        leaf, transfer.index, header.transfer_count, transfer.proof, header.transfers_root
    )
    _hold(holds, f"{what} is not in batch {header.batch_no}")
    if transfer.metadata is not None:
        _hold(transfer.metadata.hash() == transfer.metadata_hash, f"{what}: other metadata")


def _check_record(
    log: Checkpoint, header: ProvedHeader, record: ProvedRecord, snapshot: Snapshot
) -> None:
    said = (record.action, record.subject, record.changes)
    expected = (SNAPSHOT_ACTION, f"snapshot:{snapshot.as_of_batch}", snapshot.changes())
    _hold(said == expected, "the audit record is not of this snapshot")
    _hold(snapshot.as_of_batch <= header.batch_no, "the snapshot is of a later batch")
    over = header.at_ms >= (snapshot.day + 1) * DAY
    _hold(over, "the snapshot was written down before its day was over")
    _hold(record.seq == header.first_audit + record.index, "the audit record is not at its place")
    leaf = merkle.leaf_hash(record.leaf(book_of(log.origin)))
    holds = merkle.verify_inclusion(
        leaf, record.index, header.audit_count, record.proof, header.audit_root
    )
    _hold(holds, f"the audit record is not in batch {header.batch_no}")


def _check_balance(log: Checkpoint, snapshot: Snapshot, balance: ProvedBalance) -> None:
    leaf = merkle.leaf_hash(balance.leaf(book_of(log.origin)))
    holds = merkle.verify_inclusion(
        leaf, balance.index, snapshot.account_count, balance.proof, snapshot.root
    )
    _hold(holds, f"the balance of {balance.code} is not in the snapshot")


def _encloses(account: str, snapshot: Snapshot, neighbours: Sequence[ProvedBalance]) -> bool:
    """Whether the account's place is right between these, of which one is missing at an end."""
    wanted = account.encode()
    before = [balance for balance in neighbours if balance.code.encode() < wanted]
    after = [balance for balance in neighbours if balance.code.encode() > wanted]
    if [*before, *after] != list(neighbours) or len(before) > 1 or len(after) > 1:
        return False
    place = before[0].index + 1 if before else 0
    return place == (after[0].index if after else snapshot.account_count)


def _hold(truth: bool, otherwise: str) -> None:
    if not truth:
        raise ProofBroken(otherwise)


def _canonical(file: Words) -> bytes:
    """Sorted keys, no spaces, UTF-8, no end of line: the one spelling that the verifier takes."""
    text = json.dumps(file, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode()
    _hold(len(data) <= LONGEST_FILE_BYTES, f"a file of {len(data)} bytes is not verified by anyone")
    return data
