"""Keys in files of their own, outside the database: 0600, made at first use, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret


def secret_file(path: Path, entropy: Entropy) -> Secret:
    """A key of 32 bytes in a file of its own (0600), made at first use."""
    if not path.exists():
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(entropy.bytes(32).hex())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(beside)
    return Secret(path.read_text().strip())


def kept_secret(path: Path) -> Secret:
    """The key that `nostro up` made. Raises Misconfigured if it is not there: another would open nothing."""
    if not path.exists():
        raise Misconfigured(
            f"{path} is missing: copy it from the data directory of the first `nostro up`"
        )
    return Secret(path.read_text().strip())
