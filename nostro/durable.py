"""Small files that survive a crash: keys, checkpoints, tiles.

One rule: a file is written whole under another name, made durable, and only then given its own; the folder is made
durable after it. A crash leaves the old file or the new one, and never half of one.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from nostro.kernel.errors import Misconfigured

PRIVATE = 0o600
PUBLIC = 0o644
_READABLE_BY_OTHERS = 0o077


def replace(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Put `data` in the place of what is there."""
    make_folder(path.parent)
    beside = _written_beside(path, data, mode)
    beside.replace(path)
    sync_folder(path.parent)


def create(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Make a file, unless another process made it first: a link, unlike a rename, never replaces one."""
    make_folder(path.parent)
    beside = _written_beside(path, data, mode)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync_folder(path.parent)


def read_private(path: Path) -> bytes:
    """What a file of secrets holds. Raises Misconfigured if others may read it, FileNotFoundError if it is not there."""
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _READABLE_BY_OTHERS:
            raise Misconfigured(f"others may read {path}: chmod 600 it, and rotate what it holds")
        return file.read()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_beside(path: Path, data: bytes, mode: int) -> Path:
    """Under a name that nobody else has, not even a process of the same number in another container."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return Path(name)
