"""What `nostro proof` runs: proofs from the database, and what the operator does to the log's keys and snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from nostro.audit import checkpoints, notes, signed, snapshots
from nostro.audit.commands import Record
from nostro.audit.log_keys import read_log_keys, write_log_keys
from nostro.audit.notes import NoteRefused
from nostro.audit.snapshots import BalanceSnapshot
from nostro.bootstrap.administration import urls
from nostro.bootstrap.graph import Deciders
from nostro.bootstrap.log import key_file, publisher
from nostro.config import Settings
from nostro.db.pool import Pool
from nostro.kernel.clock import SECOND
from nostro.kernel.command import Note
from nostro.kernel.errors import Misconfigured
from nostro.ledger import proving
from nostro.ledger.proving import NothingToProve, NotYetSigned
from nostro.ledger.snapshots import last_day, take
from nostro.merchants.store import QUERIES as MERCHANTS
from nostro.payments.store import INTENTS
from nostro.system import SystemClock, SystemEntropy

T = TypeVar("T")
POLL_MS = 250
PATIENCE_SECONDS = 10  # a running worker signs every two seconds
KINDS = {"ch": "payment", "re": "refund"}


class Proofs:
    """Proofs of one book of an installation."""

    def __init__(self, settings: Settings, book: int) -> None:
        self._settings, self._book = settings, book

    def receipt(self, identifier: str) -> bytes:
        """The receipt of a payment intent, a charge or a refund. Raises NothingToProve, NotYetSigned."""
        return asyncio.run(self._receipt(identifier))

    def consistency(self, old: str) -> bytes:
        """That the log begins with an older checkpoint: its note, or its size as decimal digits."""
        return asyncio.run(self._consistency(old))

    def balance(self, account: str, day: str | None) -> bytes:
        """What the snapshot of a day (None: the newest) says of an account."""

        async def prove(pool: Pool) -> bytes:
            return await proving.balance(pool, self._book, account, day)

        return asyncio.run(self._patiently(prove))

    def checkpoint(self) -> str:
        """The newest signed note."""

        async def ask(pool: Pool) -> str:
            found = await signed.newest(pool, self._book)
            if found is None:
                raise NotYetSigned(f"nothing of book {self._book} is signed yet")
            return found.note

        return asyncio.run(self._patiently(ask))

    def keys(self) -> list[str]:
        """Every public key that ever signed, the current one last."""
        found = read_log_keys(key_file(self._settings))
        return [key.vkey for key in found.verifiers(self._book)]

    def snapshot(self) -> tuple[BalanceSnapshot, bool]:
        """All balances at the end of the last day that is over, signed; and whether that was not there yet.

        Raises NothingToProve.
        """
        return asyncio.run(self._snapshot())

    def rotate_key(self) -> str:
        """Retire the signing key: every book's log says so before the new key signs anything."""
        return asyncio.run(self._rotate())

    async def _receipt(self, identifier: str) -> bytes:
        async def prove(pool: Pool) -> bytes:
            subject = await self._subject(pool, identifier)
            kind = KINDS.get(subject.partition("_")[0])
            if kind is None:
                raise NothingToProve(
                    f"{identifier} is no payment (pi_…, ch_…) and no refund (re_…)"
                )
            return await proving.receipt(pool, self._book, kind, subject)

        return await self._patiently(prove)

    async def _subject(self, pool: Pool, identifier: str) -> str:
        """A payment's transfers name its charge."""
        if not identifier.startswith("pi_"):
            return identifier
        rows = await pool.fetch(INTENTS.read, self._book, [identifier])
        charge = INTENTS.decode(rows[0]).latest_charge if rows else None
        if charge is None:
            raise NothingToProve(f"{identifier} was never charged in book {self._book}")
        return charge

    async def _consistency(self, old: str) -> bytes:
        async def prove(pool: Pool) -> bytes:
            if old.isdecimal():
                found = await proving.checkpoint_of(pool, self._book, int(old))
                return await proving.consistency(pool, self._book, found.note, found.size)
            return await proving.consistency(pool, self._book, old, _size(old))

        return await self._patiently(prove)

    async def _snapshot(self) -> tuple[BalanceSnapshot, bool]:
        clock, entropy = SystemClock(), SystemEntropy()
        async with self._open() as (pool, deciders):
            over = await last_day(pool, self._book, clock.business())
            if over is None:
                raise NothingToProve(
                    f"no day of book {self._book} is over yet: its first snapshot can be taken a minute"
                    " after the next 00:00 UTC"
                )
            if over.kept is not None:
                return over.kept, False
            taken = await take(pool, self._book, over.moment, over.day)
            command = snapshots.RecordSnapshot(self._book, entropy.bytes(16), taken, "operator")
            kept = await deciders(self._book).run(command)
            await publisher(self._settings, pool, self._book, clock).publish()
            return kept, True

    async def _rotate(self) -> str:
        clock, entropy = SystemClock(), SystemEntropy()
        path = key_file(self._settings)
        old = read_log_keys(path)
        new = old.rotated(entropy, clock.system())
        async with self._open() as (pool, deciders):
            for row in await pool.fetch(MERCHANTS["list_books"]):
                book = row[0]
                before, after = old.verifiers(book)[-1], new.verifiers(book)[-1]
                told = msgspec.json.encode([before.vkey, after.vkey]).decode()
                note = Note("log_key.rotated", after.public.hex(), told)
                await deciders(book).run(Record(book, entropy.bytes(16), note, "operator"))
            write_log_keys(path, new)
            await signed.keep_keys(pool, new)
        return new.verifiers(self._book)[-1].vkey

    async def _patiently(self, ask: Callable[[Pool], Awaitable[T]]) -> T:
        """Ask again for a few seconds while what was asked for is not signed yet."""
        clock = SystemClock()
        until = clock.system() + PATIENCE_SECONDS * SECOND
        async with self._open() as (pool, _):
            while True:
                try:
                    return await ask(pool)
                except NotYetSigned:
                    if clock.system() >= until:
                        raise
                    await clock.sleep(POLL_MS)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[Pool, Deciders]]:
        found = await urls(self._settings)
        pool, deciders = Pool(found.app), Deciders(found.app, SystemClock(), SystemEntropy())
        try:
            yield pool, deciders
        finally:
            await deciders.close()
            await pool.close()


def _size(note: str) -> int:
    try:
        return checkpoints.parse_text(notes.parse(note).text).size
    except NoteRefused as error:
        raise Misconfigured(f"this is no checkpoint: {error}") from error
