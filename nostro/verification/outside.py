"""What is held outside the database: the key file, and the log's directory of checkpoints and tiles."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nostro.audit import merkle
from nostro.audit.checkpoints import Checkpoint, open_checkpoint
from nostro.audit.directory import KEYS, NEWEST, LogDirectory
from nostro.audit.log_keys import LogKeys
from nostro.audit.nodes import parents
from nostro.audit.notes import NoteRefused, VerifierKey, parse_vkey
from nostro.audit.tiles import HEIGHT, WIDTH, Tile, TileMissing, read_from, tiles_of
from nostro.verification.findings import Findings


class Outside(NamedTuple):
    """What an audit may compare with, as far as it is there.

    `size` is that of the directory's newest checkpoint as it was before the database was read: what was signed since then
    may be of batches that the audit does not see. 0: no limit.
    """

    directory: LogDirectory | None = None
    keys: LogKeys | None = None
    size: int = 0

    @staticmethod
    def now(directory: LogDirectory | None, keys: LogKeys | None) -> Outside:
        """As it stands; to be asked before the database is."""
        if directory is None:
            return Outside(None, keys)
        # The names count too: else an older `checkpoint` put back would hide the checkpoints after it.
        kept = max((size for size, _ in directory.checkpoints()), default=0)
        try:
            return Outside(directory, keys, max(directory.size, kept))
        except (NoteRefused, OSError):  # the audit will say so
            return Outside(directory, keys)

    def verifiers(self, book: int) -> list[VerifierKey] | None:
        """The keys to trust; None if nothing outside says."""
        if self.keys is not None:
            return self.keys.verifiers(book)
        if self.directory is None:
            return None
        try:
            text = (self.directory.root / KEYS).read_text()
            return [parse_vkey(line) for line in text.splitlines()]
        except (OSError, ValueError):
            return None


class Tree:
    """The tree of the leaves that an audit found."""

    def __init__(self, leaves: bytes, broken: int | None) -> None:
        hashes = [leaves[at : at + 32] for at in range(0, len(leaves), 32)]
        self.leaves = hashes if broken is None else hashes[:broken]
        self.broken = broken is not None
        self._levels = [self.leaves]

    @property
    def size(self) -> int:
        """How many leaves are known."""
        return len(self.leaves)

    def roots(self, sizes: set[int]) -> dict[int, bytes]:
        """The roots that the tree had at some sizes."""
        found, frontier = {}, b""
        wanted = {size for size in sizes if 0 < size <= self.size}
        for index in range(max(wanted, default=0)):
            frontier = merkle.append(frontier, index, self.leaves[index])
            if index + 1 in wanted:
                found[index + 1] = merkle.frontier_root(frontier)
        return found

    def level(self, number: int) -> list[bytes]:
        """The nodes over full tiles, `number` tiles high; leaves are level 0."""
        while len(self._levels) <= number:
            below = self._levels[-1]
            self._levels.append(parents(below[: len(below) - len(below) % WIDTH]))
        return self._levels[number]

    def tile(self, tile: Tile) -> list[bytes]:
        """The hashes of a tile, as far as the tree has them."""
        start = tile.number * WIDTH
        return self.level(tile.level)[start : start + tile.width]


class Anchor:
    """Compares a tree with the files of its log. `fits` is the size of the largest checkpoint that is of this tree."""

    def __init__(
        self, tree: Tree, directory: LogDirectory, keys: list[VerifierKey], findings: Findings,
        most: int = 0,
    ) -> None:  # fmt: skip
        self._tree, self._directory, self._most = tree, directory, most
        self._keys, self._findings = keys, findings
        self.fits = 0
        self.newest = 0

    def compare(self) -> None:
        """Every checkpoint, then every tile of the newest."""
        files = self.files()
        files.append((-1, self._directory.root / NEWEST))
        opened = [(size, self._opened(size, path.name, path)) for size, path in files]
        known = {
            found.size: found
            for _, found in opened
            if found is not None and not self._is_later(found.size)
        }
        self.newest = max(known, default=0)
        roots = self._tree.roots(set(known))
        for size in sorted(known):
            self._compare(known[size], roots.get(size))
        self._compare_keys()
        newest = opened[-1][1]
        # One behind is what a crash between the two files leaves; the next checkpoint puts it right.
        behind = newest is not None and newest.size not in sorted(known)[-2:]
        if newest is not None and behind and not self._is_later(newest.size):
            self._off(NEWEST, f"it is of {newest.size} batches; one of {self.newest} is kept")
        self._compare_tiles()

    def files(self) -> list[tuple[int, Path]]:
        """The checkpoints that were there before the database was read."""
        found = self._directory.checkpoints()
        return [(size, path) for size, path in found if not self._is_later(size)]

    def _is_later(self, size: int) -> bool:
        return 0 < self._most < size

    def _compare_keys(self) -> None:
        """The public keys beside the log: whoever copies it verifies under them."""
        try:
            lines = (self._directory.root / KEYS).read_text().splitlines()
            unknown = [line for line in lines if parse_vkey(line) not in self._keys]
        except (OSError, ValueError) as error:
            self._off(KEYS, f"not a file of public keys: {error}")
            return
        if unknown or not lines:
            self._off(KEYS, f"keys that are not of this log: {', '.join(unknown) or 'none at all'}")

    def _opened(self, size: int, name: str, path: Path) -> Checkpoint | None:
        try:
            found = open_checkpoint(path.read_bytes(), self._keys)
        except (OSError, NoteRefused) as error:
            self._off(f"checkpoint {name}", str(error))
            return None
        if size >= 0 and found.size != size:
            self._off(f"checkpoint {name}", f"it is one of {found.size} batches")
            return None
        return found

    def _compare(self, found: Checkpoint, root: bytes | None) -> None:
        name = f"checkpoint {found.size:012d}"
        if found.root == root:
            self.fits = max(self.fits, found.size)
        elif root is not None:
            self._off(name, f"{self._fork(found.size)}; {self._still_fits()}")
        elif not self._tree.broken:
            missing = found.size - self._tree.size
            detail = f"truncated: the last {missing} of its {found.size} batches are gone"
            self._off(name, f"{detail}; {self._still_fits()}")

    def _still_fits(self) -> str:
        return f"the checkpoint of {self.fits} batches still fits" if self.fits else "none fits"

    def _fork(self, size: int) -> str:
        """Where this tree leaves the one that was signed."""
        for tile in tiles_of(size):
            if tile.level == 0:
                at = self._first_difference(tile)
                if at is not None:
                    return f"another history from batch {at + 1} on"
        return f"another history, from a batch between {self.fits + 1} and {size} on"

    def _first_difference(self, tile: Tile) -> int | None:
        try:
            kept = read_from(self._directory.root)(tile)
        except TileMissing:
            return None
        hashes = self._tree.tile(tile)
        for at, found in enumerate(hashes):
            if kept[32 * at : 32 * at + 32] != found:
                return tile.number * WIDTH + at
        return None

    def _compare_tiles(self) -> None:
        for tile in tiles_of(self.newest):
            try:
                kept = read_from(self._directory.root)(tile)
            except TileMissing as error:
                self._off(tile.path, str(error))
                continue
            hashes = b"".join(self._tree.tile(tile))
            if kept[: len(hashes)] != hashes:
                self._off(tile.path, self._where(tile))

    def _where(self, tile: Tile) -> str:
        at = self._first_difference(tile)
        what = "batch" if tile.level == 0 else f"hash over {1 << HEIGHT * tile.level} batches, no."
        return f"it differs from {what} {(at or 0) + 1} on"

    def _off(self, subject: str, detail: str) -> None:
        self._findings.add("log_directory", subject, detail)
