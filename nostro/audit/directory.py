"""The log outside the database: checkpoints and tiles as files, for whoever serves, copies or audits them.

One rule: what is written is never changed; only `checkpoint`, the newest, is replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from nostro import durable
from nostro.audit.checkpoints import parse_text
from nostro.audit.notes import VerifierKey, parse
from nostro.audit.tiles import WIDTH, Tile

NEWEST = "checkpoint"
KEYS = "keys"


class LogDirectory:
    """One book's log as files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def size(self) -> int:
        """How many leaves its newest checkpoint is of; 0 without one. Raises NoteRefused for one that is no checkpoint."""
        note = self.newest()
        return parse_text(parse(note).text).size if note is not None else 0

    def newest(self) -> bytes | None:
        """Its newest checkpoint, if it has one."""
        try:
            return (self.root / NEWEST).read_bytes()
        except FileNotFoundError:
            return None

    def add(self, size: int, note: str, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Add a checkpoint and the tiles that it needs: the tiles first."""
        for tile, data in tiles:
            durable.replace(self.root / tile.path, data, durable.PUBLIC)
        durable.replace(self.root / "checkpoints" / f"{size:012d}", note.encode(), durable.PUBLIC)
        durable.replace(self.root / NEWEST, note.encode(), durable.PUBLIC)
        for tile, _ in tiles:
            if tile.width == WIDTH:
                self._remove_partial(tile)

    def set_keys(self, keys: Sequence[VerifierKey]) -> None:
        """Write the public keys, one a line, the current one last."""
        text = "".join(f"{key.vkey}\n" for key in keys)
        path = self.root / KEYS
        if not path.exists() or path.read_text() != text:
            durable.replace(path, text.encode(), durable.PUBLIC)

    def checkpoints(self) -> list[tuple[int, Path]]:
        """Every checkpoint that is kept, by tree size."""
        found = (self.root / "checkpoints").glob("[0-9]" * 12)
        return sorted((int(path.name), path) for path in found)

    def _remove_partial(self, tile: Tile) -> None:
        """What a full tile replaces (c2sp.org/tlog-tiles, "Partial tiles")."""
        full = self.root / tile.path
        shutil.rmtree(full.with_name(f"{full.name}.p"), ignore_errors=True)


def book_directory(log: Path, book: int) -> Path:
    """Where a book's log is, below the directory of all logs."""
    return log / f"book-{book}"
