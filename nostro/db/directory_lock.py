"""One supervisor per data directory, by a lock the kernel releases when its holder dies."""

import fcntl
import os
from pathlib import Path

from nostro.db.errors import DataDirectoryInUse


class DirectoryLock:
    """An exclusive `flock` on a file that names its holder's process id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise `DataDirectoryInUse` at once, naming who has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "unknown"
            os.close(descriptor)
            raise DataDirectoryInUse(
                f"{self._path.parent} is in use by process {holder}. Stop that one first, or "
                "choose another --data-dir."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next supervisor in. The file stays: removing it would race with a newcomer."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
