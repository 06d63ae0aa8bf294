"""Nodes of a book's tree that are kept, one for each full tile: hashes over 256, 65,536, … leaves."""

from __future__ import annotations

from collections.abc import Sequence

from nostro.audit import merkle
from nostro.audit.store import QUERIES
from nostro.audit.tiles import WIDTH
from nostro.kernel.ports import Reader, ReferenceStore
from nostro.kernel.table import bytes_array, int_array


async def read_nodes(reader: Reader, book: int, height: int, start: int, end: int) -> list[bytes]:
    """The nodes of that height from number `start` up to `end`, as far as they are kept."""
    rows = await reader.fetch(QUERIES["read_nodes"], book, height, start, end)
    return [row[1] for row in rows]


async def keep_nodes(
    store: ReferenceStore, book: int, height: int, first: int, nodes: Sequence[bytes]
) -> None:
    """Keep nodes of that height from number `first` on."""
    numbers = int_array(range(first, first + len(nodes)))
    await store.write(QUERIES["insert_nodes"], book, height, numbers, bytes_array(nodes))


def parents(nodes: Sequence[bytes]) -> list[bytes]:
    """The nodes one tile above a run of full tiles."""
    return [merkle.root(nodes[at : at + WIDTH]) for at in range(0, len(nodes), WIDTH)]
