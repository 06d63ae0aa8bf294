"""Proofs for outsiders: receipts, consistency between checkpoints, balances. Read from the database alone.

One rule: a proof shows whoever gets it nothing of anybody else's. Of other transfers and accounts there are hashes only;
where an account is absent its two neighbours are shown, which is why that proof is the operator's to give.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec.structs import replace

from nostro.audit import merkle, receipts, signed, snapshots
from nostro.audit.evidence import (
    Metadata,
    ProvedBalance,
    ProvedHeader,
    ProvedRecord,
    ProvedTransfer,
    Snapshot,
)
from nostro.audit.records import records_between, records_of
from nostro.audit.signed import Signed
from nostro.audit.snapshots import BalanceSnapshot
from nostro.kernel.errors import NostroError
from nostro.kernel.ports import Reader
from nostro.ledger import log
from nostro.ledger.days import day_from
from nostro.ledger.sealed import NO_LEAF
from nostro.ledger.snapshots import AccountBalance, Moment, balances_as_of
from nostro.ledger.store import QUERIES


class NothingToProve(NostroError):
    """There is no such thing in the ledger; the text says what was looked for."""


class NotYetSigned(NostroError):
    """It is in the ledger, but no checkpoint covers it yet: in a few seconds one will."""


async def receipt(reader: Reader, book: int, kind: str, subject: str) -> bytes:
    """The receipt of a charge (kind `payment`) or a refund. Raises NothingToProve, NotYetSigned."""
    rows = await reader.fetch(QUERIES["numbers_of_subject"], book, subject)
    if not rows:
        raise NothingToProve(f"no transfer explains {subject}")
    checkpoint = await _checkpoint(reader, book, rows[-1][1])
    headers = await _headers(reader, book, {row[1] for row in rows}, checkpoint)
    wanted = {row[0] for row in rows}
    transfers = [
        transfer
        for header in headers
        for transfer in await _transfers(reader, book, header, wanted)
    ]
    return receipts.build_receipt(kind, subject, transfers, headers, checkpoint.note)


async def consistency(
    reader: Reader, book: int, old_note: str, old_size: int, new_size: int | None = None
) -> bytes:
    """The proof that the log at a newer checkpoint (None: the newest) begins with the log at an older one.

    Raises NotYetSigned, NothingToProve for a size that was not signed or sizes in the wrong order.
    """
    if new_size is None:
        new = await _checkpoint(reader, book, old_size)
    else:
        new = await checkpoint_of(reader, book, new_size)
    if not 0 < old_size <= new.size:
        raise NothingToProve(f"a log of {new.size} batches does not grow out of one of {old_size}")
    proof = await log.consistency(reader, book, old_size, new.size)
    return receipts.build_consistency(old_note, new.note, proof)


async def checkpoint_of(reader: Reader, book: int, size: int) -> Signed:
    """The checkpoint of exactly so many leaves. Raises NothingToProve."""
    found = await signed.of_at_least(reader, book, size)
    if found is None or found.size != size:
        raise NothingToProve(
            f"no checkpoint of {size} leaves was signed: `nostro proof checkpoint` gives the newest, and the log's"
            " directory `checkpoints` has a file for each"
        )
    return found


async def balance(reader: Reader, book: int, account: str, day: str | None = None) -> bytes:
    """What the snapshot of a day (None: the newest) says of an account.

    Raises NothingToProve, NotYetSigned, ValueError for what is no day.
    """
    if day is not None:
        day_from(day)  # the database takes more for a day than we do
    kept = await (
        snapshots.of_day(reader, book, day) if day is not None else snapshots.newest(reader, book)
    )
    if kept is None:
        raise NothingToProve(
            f"no snapshot of balances stands for {day or 'any day'}: `nostro proof snapshot` takes that of the last"
            " day that is over, and a day on which nothing happened has none"
        )
    record, header, checkpoint = await _recorded(reader, book, kept)
    found = await balances_as_of(reader, book, Moment(kept.as_of_batch, kept.last_transfer))
    hashes = [balance.leaf(book) for balance in found]
    shown = [_proved(found, hashes, index) for index in _places(found, account)]
    snapshot = Snapshot(
        as_of_batch=kept.as_of_batch, day=day_from(kept.taken_on),
        last_transfer=kept.last_transfer, account_count=kept.account_count, root=kept.root,
    )  # fmt: skip
    return receipts.build_balance(account, snapshot, shown, record, header, checkpoint.note)


async def _checkpoint(reader: Reader, book: int, batch_no: int) -> Signed:
    """The newest checkpoint, if it covers a batch."""
    found = await signed.newest(reader, book)
    if found is None or found.size < batch_no:
        raise NotYetSigned(f"batch {batch_no} is not under a checkpoint yet: ask again in a moment")
    return found


async def _headers(
    reader: Reader, book: int, batches: set[int], checkpoint: Signed
) -> list[ProvedHeader]:
    rows = await reader.fetch(QUERIES["read_headers"], book, [str(n) for n in sorted(batches)])
    return [
        _header(*row[:-1], await log.inclusion(reader, book, row[0] - 1, checkpoint.size))
        for row in rows
    ]


def _header(*values: Any) -> ProvedHeader:
    *fields, previous, proof = values
    names = ProvedHeader.__struct_fields__[:-2]
    named = dict(zip(names, fields, strict=True))
    named["writer"] = bytes.fromhex(named["writer"])
    return ProvedHeader(
        **named, previous=previous if previous != NO_LEAF else None, proof=tuple(proof)
    )


async def _transfers(
    reader: Reader, book: int, header: ProvedHeader, wanted: set[int]
) -> list[ProvedTransfer]:
    """Those of a batch's transfers that are wanted; their proofs need the hashes of all."""
    first = header.first_transfer
    rows = await reader.fetch(
        QUERIES["read_transfer_records"], book, first, first + header.transfer_count
    )
    records = [_transfer(header.batch_no, row[0] - first, row) for row in rows]
    hashes = [merkle.leaf_hash(record.leaf(book)) for record in records]
    return [
        replace(record, proof=tuple(merkle.inclusion_proof(hashes, record.index, len(hashes))))
        for record in records
        if record.seq in wanted
    ]


def _transfer(batch_no: int, index: int, row: tuple[Any, ...]) -> ProvedTransfer:
    seq, identifier, chain, hold, *terms, salt, metadata = row
    names = ProvedTransfer.__struct_fields__[4:17]
    return ProvedTransfer(
        seq=seq, id=UUID(identifier).bytes, chain=_uuid(chain), hold=_uuid(hold),
        **dict(zip(names, terms, strict=True)),
        metadata=None if metadata is None else Metadata(salt, metadata),
        batch_no=batch_no, index=index, proof=(),
    )  # fmt: skip


def _uuid(text: str | None) -> bytes | None:
    return None if text is None else UUID(text).bytes


async def _recorded(
    reader: Reader, book: int, kept: BalanceSnapshot
) -> tuple[ProvedRecord, ProvedHeader, Signed]:
    """The audit record of a snapshot, the header of its batch, and a checkpoint over both."""
    found = [
        one for one in await records_of(reader, book, kept.id) if one.action == snapshots.ACTION
    ]
    if not found:
        raise NothingToProve(f"{kept.id} has no audit record")
    checkpoint = await _checkpoint(reader, book, found[0].batch_no)
    (header,) = await _headers(reader, book, {found[0].batch_no}, checkpoint)
    first = header.first_audit
    batch = await records_between(reader, book, first, first + header.audit_count)
    hashes = [merkle.leaf_hash(one.leaf(book)) for one in batch]
    index = found[0].seq - first
    proof = tuple(merkle.inclusion_proof(hashes, index, len(hashes)))
    return found[0].proved(index, proof), header, checkpoint


def _places(balances: list[AccountBalance], account: str) -> list[int]:
    """The index of an account, or those of its neighbours if it is not there."""
    codes = [balance.code.encode() for balance in balances]
    wanted = account.encode()
    if wanted in codes:
        return [codes.index(wanted)]
    after = sum(code < wanted for code in codes)
    return [index for index in (after - 1, after) if 0 <= index < len(codes)]


def _proved(balances: list[AccountBalance], hashes: list[bytes], index: int) -> ProvedBalance:
    proof = tuple(merkle.inclusion_proof(hashes, index, len(hashes)))
    return ProvedBalance(**balances[index]._asdict(), index=index, proof=proof)
