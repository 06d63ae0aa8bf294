"""The data directory: does it exist, and are its keys readable by nobody else?"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from nostro.cli.doctor.line import Line, fail, ok, warn

KEY_FILES = ("api.key", "vault.keys", "log.keys", "secret.key")
PASSWORDS = "postgres/passwords"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look(data_dir: Path) -> Iterator[Line]:
    """A line for the directory, and one for its key files."""
    if not data_dir.is_dir():
        yield warn("data directory", f"{data_dir} does not exist", "`nostro up` makes it.")
        return
    yield ok("data directory", str(data_dir.resolve()))
    yield _key_files(data_dir)


def _key_files(data_dir: Path) -> Line:
    files = [data_dir / name for name in KEY_FILES]
    files += sorted((data_dir / PASSWORDS).glob("*"))
    there = [file for file in files if file.exists()]
    exposed = [file for file in there if file.stat().st_mode & OTHERS]
    if exposed:
        names = " ".join(map(str, exposed))
        return fail(
            "key files", f"others may read {names}", f"chmod 600 {names}; then rotate them."
        )
    return ok("key files", f"{len(there)} files, readable by their owner alone")
