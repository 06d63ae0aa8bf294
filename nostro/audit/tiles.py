"""The log's hashes as static files (c2sp.org/tlog-tiles): tiles of 256 hashes, eight levels high.

Tile level 0 holds leaf hashes; each hash of a level above is the root of a full tile below. The last
tile of a level is partial: its width is part of its name, so a file that exists never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nostro.audit import merkle
from nostro.audit.merkle import HASH_BYTES, Subtree
from nostro.kernel.errors import OurMistake

HEIGHT = 8
WIDTH = 1 << HEIGHT
_HIGHEST_LEVEL = 63
_TILES_KEPT = 64


class TileMissing(OurMistake):
    """A tile that the tree's size asks for is not there, or has another length."""


class Tile(NamedTuple):
    """A tile's place: level, number within the level, and how many hashes it holds (1 to 256)."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it is kept, below the log: `tile/0/x001/x234/067`, partial ones with `.p/<width>`."""
        if not 0 <= self.level <= _HIGHEST_LEVEL or self.number < 0 or not 1 <= self.width <= WIDTH:
            raise OurMistake(f"there is no tile {tuple(self)}")
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{name}{partial}"


ReadTile = Callable[[Tile], bytes]
"""The hashes of a tile, concatenated. Raises `TileMissing`."""


def tiles_of(size: int, old_size: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` leaves that one of `old_size` leaves did not have."""
    level = 0
    while size:
        for number in range(old_size // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            if number * WIDTH + width > old_size:
                yield Tile(level, number, width)
        level, size, old_size = level + 1, size // WIDTH, old_size // WIDTH


def tile_bytes(tile: Tile, hashes_below: Sequence[bytes]) -> bytes:
    """A tile from what it covers: leaf hashes for level 0, full tiles of the level below above it."""
    if len(hashes_below) != tile.width:
        raise OurMistake(f"{tile.path} has {tile.width} hashes, not {len(hashes_below)}")
    if tile.level == 0:
        return b"".join(hashes_below)
    return b"".join([merkle.root(_hashes(full)) for full in hashes_below])


def subtrees(read: ReadTile, size: int) -> Subtree:
    """Perfect subtrees of the tree of `size` leaves, from its tiles: what proofs are made from."""
    kept = lru_cache(maxsize=_TILES_KEPT)(read)

    def subtree(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        tile = _tile_at(tile_level, first // WIDTH, size)
        at = first % WIDTH * HASH_BYTES
        return merkle.root(_hashes(kept(tile)[at : at + (HASH_BYTES << height)]))

    return subtree


def read_from(log: Path) -> ReadTile:
    """A reader of the tiles below a log's directory.

    A partial tile may have been removed once the full one was written; then that one is cut.
    """

    def read(tile: Tile) -> bytes:
        for candidate in (tile, tile._replace(width=WIDTH)):
            try:
                data = (log / candidate.path).read_bytes()
            except FileNotFoundError:
                continue
            if len(data) != candidate.width * HASH_BYTES:
                raise TileMissing(f"{candidate.path} has {len(data)} bytes")
            return data[: tile.width * HASH_BYTES]
        raise TileMissing(f"{tile.path} is not there")

    return read


def _tile_at(level: int, number: int, size: int) -> Tile:
    """The tile as a tree of `size` leaves has it: full, or as wide as the level's end."""
    width = min(WIDTH, (size >> HEIGHT * level) - number * WIDTH)
    if width < 1:
        raise merkle.NoSuchProof(f"a tree of {size} leaves has no tile {number} at level {level}")
    return Tile(level, number, width)


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
