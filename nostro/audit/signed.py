"""Checkpoints of books as they are kept in the database."""

from __future__ import annotations

from typing import NamedTuple

from nostro.audit import checkpoints
from nostro.audit.checkpoints import Checkpoint
from nostro.audit.log_keys import LogKeys
from nostro.audit.store import QUERIES
from nostro.kernel.clock import SystemTime
from nostro.kernel.ports import Reader, ReferenceStore


class Signed(NamedTuple):
    """A tree's size and root, when it was signed (Unix milliseconds), and the signed note."""

    size: int
    root: bytes
    at_ms: int
    note: str


async def newest(reader: Reader, book: int) -> Signed | None:
    """The newest checkpoint of a book, if there is one."""
    rows = await reader.fetch(QUERIES["newest_checkpoint"], book)
    return Signed(*rows[0]) if rows else None


async def of_at_least(reader: Reader, book: int, size: int) -> Signed | None:
    """The first checkpoint under which a tree of `size` leaves is."""
    rows = await reader.fetch(QUERIES["checkpoint_at_least"], book, size)
    return Signed(*rows[0]) if rows else None


def sign(keys: LogKeys, book: int, size: int, root: bytes, now: SystemTime) -> Signed:
    """Sign a book's tree."""
    text = Checkpoint(keys.origin_of(book), size, root, now)
    return Signed(size, root, now, checkpoints.sign(text, [keys.signer(book)]))


async def keep(store: ReferenceStore, book: int, signed: Signed) -> Signed:
    """Keep a checkpoint and return the one that is kept: one of that size that is there stays."""
    await store.write(QUERIES["insert_checkpoint"], book, *signed)
    return await of_at_least(store, book, signed.size) or signed


async def keep_keys(store: ReferenceStore, keys: LogKeys) -> None:
    """Keep every public key in the database, too, and say which are retired."""
    for key in keys.keys:
        public = bytes.fromhex(key.public)
        await store.write(QUERIES["insert_log_key"], public, keys.origin, key.created_ms)
        if key.retired_ms is not None:
            await store.write(QUERIES["retire_log_key"], public, key.retired_ms)
