"""Keys in files of their own, outside the database: 0600, made at first use, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from nostro import durable
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret


def secret_file(path: Path, entropy: Entropy) -> Secret:
    """A key of 32 bytes in a file of its own (0600), made at first use."""
    if not path.exists():
        durable.create(path, entropy.bytes(32).hex().encode("ascii"))
    return _read(path)


def kept_secret(path: Path) -> Secret:
    """The key that `nostro up` made. Raises Misconfigured if it is not there: another would open nothing."""
    if not path.exists():
        raise Misconfigured(
            f"{path} is missing: copy it from the data directory of the first `nostro up`"
        )
    return _read(path)


def _read(path: Path) -> Secret:
    return Secret(durable.read_private(path).decode("ascii", errors="replace").strip())
