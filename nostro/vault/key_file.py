"""The key file: where the vault's keys live when they are not supplied, outside the database.

One rule: nobody but its owner may read it. It is written whole under another name, made durable and
then renamed, so a crash leaves the old keys or the new ones and never half a file.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret
from nostro.vault.keyring import KEY_BYTES, Keyring


def open_key_file(path: Path, entropy: Entropy) -> Keyring:
    """The keys in the file, which is created with fresh ones if it does not exist.

    Of several processes that start at once, one creates it and all of them read the same keys.
    """
    if not path.exists():
        fresh = [Secret(entropy.bytes(KEY_BYTES).hex()) for _ in range(2)]
        beside = path.with_name(f"{path.name}.{entropy.bytes(8).hex()}.new")
        _create(path, beside, Keyring(fresh[0], fresh[1]))
    return read_key_file(path)


def read_key_file(path: Path) -> Keyring:
    """The keys in the file. Raises `Misconfigured` if others may read it or it is malformed."""
    with path.open(encoding="ascii", errors="replace") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise Misconfigured(f"others may read {path}: chmod 600 it, and rotate its keys")
        return Keyring.from_text(Secret(file.read()))


def write_key_file(path: Path, keyring: Keyring) -> None:
    """Replace the file by one that holds `keyring`, durably, at mode 0600."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    _write_private(beside, keyring)
    beside.replace(path)
    _sync_folder(path.parent)


def _create(path: Path, beside: Path, keyring: Keyring) -> None:
    """A link, unlike a rename, never replaces keys that another process has just made."""
    _write_private(beside, keyring)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    _sync_folder(path.parent)


def _write_private(path: Path, keyring: Keyring) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keyring.to_text().reveal())
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
