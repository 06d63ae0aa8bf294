"""Checkpoints over a real book: what is signed, what is written to files, and what is refused."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from nostro.audit import merkle, signed, tiles
from nostro.audit.checkpoints import open_checkpoint
from nostro.audit.directory import LogDirectory
from nostro.audit.log_keys import LogKeys, open_log_keys
from nostro.db.pool import Pool
from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import SystemTime
from nostro.ledger import log
from nostro.ledger.publishing import LogForked, Publisher
from tests.db.sheets import BOOK, CLOCK, ENTROPY, Count, ask, sheet_on


class World:
    """A book, its publisher and its files."""

    def __init__(self, urls: ConnectionUrls, folder: Path) -> None:
        self.urls, self.pool = urls, Pool(urls.app)
        self.keys: LogKeys = open_log_keys(folder / "log.keys", None, ENTROPY, SystemTime(1))
        self.directory = LogDirectory(folder / "log")
        self.publisher = Publisher(BOOK, self.pool, lambda: self.keys, self.directory, CLOCK)

    async def leaves(self) -> list[bytes]:
        rows = await ask(self.urls, "SELECT leaf FROM nostro.batches ORDER BY batch_no")
        return [row[0] for row in rows]

    def as_superuser(self, statement: str) -> None:
        with psycopg.connect(self.urls.owner, autocommit=True) as connection:
            connection.execute(statement.encode())


def in_a_world(database: ConnectionUrls, folder: Path, body: Any, batches: int = 5) -> None:
    async def run() -> None:
        world = World(database, folder)
        async with sheet_on(database) as sheet:
            for number in range(batches):
                await sheet.committer.run(Count(f"k{number % 7}", 1))
            await body(world, sheet)
        await world.pool.close()

    asyncio.run(run())


def test_what_is_signed_is_the_tree(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(world: World, sheet: Any) -> None:
        for _ in range(3):
            published = await world.publisher.publish()
            assert published is not None
            leaves = await world.leaves()
            assert (published.size, published.root) == (len(leaves), merkle.root(leaves))
            found = open_checkpoint(published.note, world.keys.verifiers(BOOK))
            assert (found.size, found.root) == (published.size, published.root)
            assert found.origin == world.keys.origin_of(BOOK)
            assert (world.directory.root / "checkpoint").read_text() == published.note
            assert await world.publisher.publish() == published
            await sheet.committer.run(Count("more", 2))

    in_a_world(database, tmp_path, body)


def test_proofs_and_tiles_of_a_log_of_many_tiles(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(world: World, sheet: Any) -> None:
        sizes = []
        for more in (0, 251, 1, 4, 300, 60):
            for number in range(more):
                await sheet.committer.run(Count(f"k{number % 7}", 1))
            published = await world.publisher.publish()
            assert published is not None
            sizes.append(published.size)
        leaves, size = await world.leaves(), sizes[-1]
        from_files = tiles.subtrees(tiles.read_from(world.directory.root), size)
        for index in random.Random(7).sample(range(size), 25):
            proof = await log.inclusion(world.pool, BOOK, index, size)
            assert proof == merkle.inclusion_proof(leaves, index, size)
            assert proof == merkle.inclusion_path(from_files, index, size)
        for old in sizes:
            proof = await log.consistency(world.pool, BOOK, old, size)
            assert proof == merkle.consistency_proof(leaves, old, size)
            assert await log.frontier_at(world.pool, BOOK, old) == frontier_of(leaves[:old])
        assert [found for found, _ in world.directory.checkpoints()] == sizes

    in_a_world(database, tmp_path, body)


def frontier_of(leaves: list[bytes]) -> bytes:
    frontier = b""
    for size, leaf in enumerate(leaves):
        frontier = merkle.append(frontier, size, leaf)
    return frontier


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE nostro.batches SET leaf = sha256('x') WHERE batch_no = 2",
        "UPDATE nostro.batches SET leaf = sha256('x') WHERE batch_no = 6",
        "UPDATE nostro.book_heads SET frontier = overlay(frontier PLACING '\\x00' FROM 1)",
        "DELETE FROM nostro.batches WHERE batch_no > 3; UPDATE nostro.book_heads SET next_batch = 4",
        "UPDATE nostro.checkpoints SET root = sha256('x')",
    ],
)
def test_a_rewritten_past_is_not_signed(
    database: ConnectionUrls, tmp_path: Path, tampering: str
) -> None:
    async def body(world: World, sheet: Any) -> None:
        first = await world.publisher.publish()
        assert first is not None
        await sheet.committer.run(Count("more", 2))
        world.as_superuser(tampering)
        with pytest.raises(LogForked):
            await world.publisher.publish()
        assert (world.directory.root / "checkpoint").read_text() == first.note

    in_a_world(database, tmp_path, body)


def test_files_that_were_lost_are_written_again(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(world: World, sheet: Any) -> None:
        published = await world.publisher.publish()
        elsewhere = LogDirectory(tmp_path / "another")
        keys = world.keys
        assert (
            await Publisher(BOOK, world.pool, lambda: keys, elsewhere, CLOCK).publish() == published
        )
        for name in ("checkpoint", "keys", "tile/0/000.p/5"):
            one, other = world.directory.root / name, elsewhere.root / name
            assert one.read_bytes() == other.read_bytes()

    in_a_world(database, tmp_path, body)


class Overtaken:
    """A store to which somebody else comes first, once: before the call of a number."""

    def __init__(self, store: Pool, call: int, other: Callable[[], Awaitable[None]]) -> None:
        self._store, self._left, self._other = store, call, other

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        await self._overtake()
        return await self._store.fetch(statement, *parameters)

    async def write(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        await self._overtake()
        return await self._store.write(statement, *parameters)

    async def announce(self, channel: LiteralString) -> None:
        await self._store.announce(channel)

    @property
    def was_overtaken(self) -> bool:
        return self._left < 0

    async def _overtake(self) -> None:
        self._left -= 1
        if self._left == -1:
            await self._other()


@pytest.mark.parametrize("grows", [True, False])
def test_two_publishers_at_once_are_no_fork(
    database: ConnectionUrls, tmp_path: Path, grows: bool
) -> None:
    """Wherever the other one comes in between, with a larger tree or the same."""

    async def body(world: World, sheet: Any) -> None:
        async def other() -> None:
            if grows:
                await sheet.committer.run(Count("between", 1))
            await world.publisher.publish()

        for call in itertools.count():
            await sheet.committer.run(Count("more", 1))
            store = Overtaken(world.pool, call, other)
            ours = Publisher(BOOK, store, lambda: world.keys, world.directory, CLOCK)
            await ours.publish()
            if not store.was_overtaken:
                break
            newest = await world.publisher.publish()
            assert newest is not None
            assert newest.root == merkle.root(await world.leaves())
            for name in ("checkpoint", f"checkpoints/{newest.size:012d}"):
                assert (world.directory.root / name).read_text() == newest.note
        assert call > 5

    in_a_world(database, tmp_path, body)


def test_a_rotated_key_signs_on(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(world: World, sheet: Any) -> None:
        first = await world.publisher.publish()
        old = world.keys.verifiers(BOOK)
        world.keys = world.keys.rotated(ENTROPY, CLOCK.system())
        await sheet.committer.run(Count("more", 2))
        second = await world.publisher.publish()
        assert first is not None and second is not None
        for found in (first, second):
            open_checkpoint(found.note, world.keys.verifiers(BOOK))
        with pytest.raises(ValueError, match="no known key"):
            open_checkpoint(second.note, old)
        kept = await ask(
            world.urls, "SELECT retired_ms IS NULL FROM nostro.log_keys ORDER BY created_ms"
        )
        assert kept == [(False,), (True,)]
        assert await signed.newest(world.pool, BOOK) == second

    in_a_world(database, tmp_path, body)


BACK = "DELETE FROM nostro.checkpoints WHERE tree_size > 5; DELETE FROM nostro.batches WHERE batch_no > 5"


@pytest.mark.parametrize("size", [5, 7, 12])  # the files are of 8
def test_an_older_database_under_newer_files_signs_nothing(
    database: ConnectionUrls, tmp_path: Path, size: int
) -> None:
    """A restored backup goes on otherwise: no second tree is signed, neither behind the files nor beyond them."""

    async def body(world: World, sheet: Any) -> None:
        held = await world.publisher.publish()
        frontier = await log.frontier_at(world.pool, BOOK, 5)
        for _ in range(3):
            await sheet.committer.run(Count("lost", 1))
        newest = await world.publisher.publish()
        assert held is not None and newest is not None
        assert (held.size, newest.size) == (5, 8)
        world.as_superuser(BACK)
        _go_on(world, frontier, size)
        with pytest.raises(LogForked):
            await world.publisher.publish()
        assert await signed.newest(world.pool, BOOK) == held
        assert (world.directory.root / "checkpoint").read_text() == newest.note

    in_a_world(database, tmp_path, body)


def test_after_a_lost_part_the_log_goes_on_under_another_name(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    """As docs/howto/postgresql.md says, "Restoring a backup"."""

    async def body(world: World, sheet: Any) -> None:
        frontier = await log.frontier_at(world.pool, BOOK, 3)
        assert await world.publisher.publish() is not None
        world.as_superuser(BACK.replace("5", "3"))
        _go_on(world, frontier, 4)
        with pytest.raises(LogForked):
            await world.publisher.publish()
        world.directory.root.rename(tmp_path / "evidence")
        world.keys = open_log_keys(tmp_path / "new.keys", "new.example", ENTROPY, SystemTime(2))
        world.as_superuser("DELETE FROM nostro.checkpoints; DELETE FROM nostro.log_keys")
        published = await world.publisher.publish()
        assert published is not None and published.size == 4
        assert published.note.startswith("new.example/book/")

    in_a_world(database, tmp_path, body)


def _go_on(world: World, frontier: bytes, size: int) -> None:
    """Other batches after the fifth, and a head that fits."""
    copied = (
        "CREATE TEMP TABLE other AS SELECT * FROM nostro.batches WHERE batch_no = (SELECT max(batch_no) FROM nostro.batches);"
        "UPDATE other SET (batch_no, leaf) = ({0}, sha256('{0}'));"
        "INSERT INTO nostro.batches SELECT * FROM other"
    )
    for number in range(6, size + 1):
        world.as_superuser(copied.format(number))
        frontier = merkle.append(frontier, number - 1, sha256(str(number).encode()).digest())
    head = f"({size + 1}, '\\x{frontier.hex()}')"
    world.as_superuser(f"UPDATE nostro.book_heads SET (next_batch, frontier) = {head}")


def test_keys_that_were_lost_are_not_replaced_unseen(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    async def body(world: World, sheet: Any) -> None:
        first = await world.publisher.publish()
        assert first is not None
        (tmp_path / "log.keys").unlink()
        world.keys = open_log_keys(tmp_path / "log.keys", None, ENTROPY, SystemTime(2))
        await sheet.committer.run(Count("more", 2))
        with pytest.raises(LogForked, match="does not verify under the key file"):
            await world.publisher.publish()
        assert await signed.newest(world.pool, BOOK) == first

    in_a_world(database, tmp_path, body)
