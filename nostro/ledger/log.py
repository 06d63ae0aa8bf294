"""A book's tree, read from its batches: leaves, perfect subtrees, proofs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from nostro.audit import merkle
from nostro.audit.nodes import read_nodes
from nostro.audit.tiles import HEIGHT, WIDTH, Tile
from nostro.kernel.ports import Reader
from nostro.ledger.store import QUERIES

T = TypeVar("T")
Subtrees = dict[tuple[int, int], bytes]


class Tree(NamedTuple):
    """How large a book's tree is, its frontier, and the number of the last transfer under it."""

    size: int
    frontier: bytes
    last_transfer: int

    @property
    def root(self) -> bytes:
        """The tree's root."""
        return merkle.frontier_root(self.frontier)


async def read_tree(reader: Reader, book: int) -> Tree:
    """The tree as committed."""
    return Tree(*(await reader.fetch(QUERIES["read_tree"], book))[0])


async def read_leaves(reader: Reader, book: int, start: int, end: int) -> list[bytes]:
    """Leaf hashes from index `start` up to `end`."""
    return [row[0] for row in await reader.fetch(QUERIES["read_leaves"], book, start, end)]


async def frontier_at(reader: Reader, book: int, size: int) -> bytes:
    """The frontier of the tree when it had so many leaves."""

    def collect(subtree: merkle.Subtree) -> bytes:
        hashes, start = b"", 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                hashes += subtree(level, start >> level)
                start += 1 << level
        return hashes

    return await _with_subtrees(reader, book, collect)


async def inclusion(reader: Reader, book: int, index: int, size: int) -> list[bytes]:
    """The proof that a leaf is in the tree of `size` leaves. Raises NoSuchProof."""
    return await _with_subtrees(
        reader, book, lambda subtree: merkle.inclusion_path(subtree, index, size)
    )


async def consistency(reader: Reader, book: int, size1: int, size2: int) -> list[bytes]:
    """The proof that the tree of `size2` leaves begins with that of `size1`. Raises NoSuchProof."""
    return await _with_subtrees(
        reader, book, lambda subtree: merkle.consistency_path(subtree, size1, size2)
    )


async def _with_subtrees(reader: Reader, book: int, ask: Callable[[merkle.Subtree], T]) -> T:
    """Ask twice: first to learn which subtrees are wanted, then with their hashes."""
    wanted: Subtrees = {}

    def note(level: int, index: int) -> bytes:
        wanted[level, index] = b""
        return bytes(merkle.HASH_BYTES)

    ask(note)
    for level, index in wanted:
        wanted[level, index] = await _subtree(reader, book, level, index)
    return ask(lambda level, index: wanted[level, index])


async def _subtree(reader: Reader, book: int, level: int, index: int) -> bytes:
    """A subtree from what is kept below it: at most 128 leaves or nodes, or more of them if it is not yet published."""
    height = level - level % HEIGHT
    first, last = index << (level - height), (index + 1) << (level - height)
    if height:
        nodes = await read_nodes(reader, book, height, first, last)
        if len(nodes) == last - first:
            return merkle.root(nodes)
    return merkle.root(await read_leaves(reader, book, index << level, (index + 1) << level))


async def tile_bytes(reader: Reader, book: int, tile: Tile) -> bytes:
    """A tile of the book's tree; fewer hashes than its width if the tree has not got there."""
    start = tile.number * WIDTH
    if tile.level == 0:
        return b"".join(await read_leaves(reader, book, start, start + tile.width))
    height = tile.level * HEIGHT
    return b"".join(await read_nodes(reader, book, height, start, start + tile.width))
