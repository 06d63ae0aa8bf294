"""Signs a book's tree every few seconds, off the commit path, and writes it to files outside the database.

One rule: nothing is signed that does not begin with what was signed before. Whoever rewrites the past in the database
gets no signature for it, and an alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nostro.audit import merkle, nodes, signed, tiles
from nostro.audit.checkpoints import Checkpoint, open_checkpoint
from nostro.audit.directory import LogDirectory
from nostro.audit.log_keys import LogKeys
from nostro.audit.notes import NoteRefused
from nostro.audit.signed import Signed
from nostro.kernel.errors import NostroError
from nostro.kernel.ports import Clock, ReferenceStore
from nostro.ledger import log
from nostro.ledger.log import Tree

PAGE_LEAVES = 16 * tiles.WIDTH


class LogForked(NostroError):
    """The tree in the database does not begin with the tree that was signed."""


class Publisher:
    """Publishes the log of one book. `keys` is asked each time: the key may have been rotated meanwhile."""

    def __init__(
        self,
        book: int,
        store: ReferenceStore,
        keys: Callable[[], LogKeys],
        directory: LogDirectory | None,
        clock: Clock,
    ) -> None:
        self._book, self._store, self._keys = book, store, keys
        self._directory, self._clock = directory, clock

    async def publish(self) -> Signed | None:
        """Sign the tree if it has grown, and bring the files up to date. Raises LogForked."""
        # What was signed is read before the tree: another publisher may sign a larger one in between.
        before = await signed.newest(self._store, self._book)
        note = await asyncio.to_thread(self._directory.newest) if self._directory else None
        tree = await log.read_tree(self._store, self._book)
        await self._check_held(before, note, tree)
        if before is None or before.size != tree.size:
            before = await self._sign(before, tree) if tree.size else None
        elif before.root != tree.root:
            raise LogForked(f"book {self._book}: another tree of {tree.size} leaves was signed")
        if before is not None and self._directory is not None:
            await self._write(self._directory, before)
        return before

    async def _check_held(self, before: Signed | None, note: bytes | None, tree: Tree) -> None:
        """Before anything is signed: the keys are those that signed so far, and the tree begins with the one in the files."""
        if before is not None:
            self._opened(before.note.encode(), "the database")
        if note is None:
            return
        held = self._opened(note, str(self._directory.root) if self._directory else "")
        if held.size > tree.size:
            raise LogForked(
                f"book {self._book}: {held.size} batches were signed in the log's directory, {tree.size} are there:"
                " an older database was put in place of the newer"
            )
        frontier = await log.frontier_at(self._store, self._book, held.size)
        if merkle.frontier_root(frontier) != held.root:
            raise LogForked(
                f"book {self._book}: its first {held.size} batches are not those signed in the log's directory"
            )

    def _opened(self, note: bytes, place: str) -> Checkpoint:
        try:
            return open_checkpoint(note, self._keys().verifiers(self._book))
        except NoteRefused as refused:
            raise LogForked(
                f"book {self._book}: the newest checkpoint in {place} does not verify under the key file,"
                f" restore whichever of the two was replaced: {refused}"
            ) from refused

    async def _sign(self, before: Signed | None, tree: Tree) -> Signed:
        old = before.size if before else 0
        if tree.size < old:
            raise LogForked(f"book {self._book}: {old} batches were signed, {tree.size} are there")
        frontier = await log.frontier_at(self._store, self._book, old)
        if before is not None and merkle.frontier_root(frontier) != before.root:
            raise LogForked(f"book {self._book}: its first {old} batches are not those signed")
        if await self._extended(frontier, old, tree.size) != tree.frontier:
            raise LogForked(f"book {self._book}: its head is not that of its {tree.size} batches")
        await self._keep_upper_nodes(old, tree.size)
        keys = self._keys()
        await signed.keep_keys(self._store, keys)
        new = signed.sign(keys, self._book, tree.size, tree.root, self._clock.system())
        return await signed.keep(self._store, self._book, new)

    async def _extended(self, frontier: bytes, old: int, new: int) -> bytes:
        """The frontier after the leaves from `old` up to `new`, whose full tiles' nodes are kept on the way."""
        start = old - old % tiles.WIDTH
        for page in range(start, new, PAGE_LEAVES):
            leaves = await log.read_leaves(
                self._store, self._book, page, min(page + PAGE_LEAVES, new)
            )
            for index, leaf in enumerate(leaves, page):
                if index >= old:
                    frontier = merkle.append(frontier, index, leaf)
            full = len(leaves) - len(leaves) % tiles.WIDTH
            if full:
                found = nodes.parents(leaves[:full])
                first = page // tiles.WIDTH
                await nodes.keep_nodes(self._store, self._book, tiles.HEIGHT, first, found)
        return frontier

    async def _keep_upper_nodes(self, old: int, new: int) -> None:
        """Nodes over 65,536 leaves and more."""
        height = 2 * tiles.HEIGHT
        while new >> height > old >> height:
            first, last = old >> height, new >> height
            below = await nodes.read_nodes(
                self._store, self._book, height - tiles.HEIGHT,
                first << tiles.HEIGHT, last << tiles.HEIGHT,
            )  # fmt: skip
            found = nodes.parents(below)
            await nodes.keep_nodes(self._store, self._book, height, first, found)
            height += tiles.HEIGHT

    async def _write(self, directory: LogDirectory, newest: Signed) -> None:
        there = await asyncio.to_thread(lambda: directory.size)
        await asyncio.to_thread(directory.set_keys, self._keys().verifiers(self._book))
        if there < newest.size:
            wanted = tiles.tiles_of(newest.size, there)
            data = [(tile, await log.tile_bytes(self._store, self._book, tile)) for tile in wanted]
            await asyncio.to_thread(directory.add, newest.size, newest.note, data)
