"""The key file: where the vault's keys live when they are not supplied, outside the database.

One rule: nobody but its owner may read it.
"""

from __future__ import annotations

from pathlib import Path

from nostro import durable
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret
from nostro.vault.keyring import KEY_BYTES, Keyring


def open_key_file(path: Path, entropy: Entropy) -> Keyring:
    """The keys in the file, which is created with fresh ones if it does not exist.

    Of several processes that start at once, one creates it and all of them read the same keys.
    """
    if not path.exists():
        fresh = [Secret(entropy.bytes(KEY_BYTES).hex()) for _ in range(2)]
        durable.create(path, _encoded(Keyring(fresh[0], fresh[1])))
    return read_key_file(path)


def read_key_file(path: Path) -> Keyring:
    """The keys in the file. Raises `Misconfigured` if others may read it or it is malformed."""
    text = durable.read_private(path).decode("ascii", errors="replace")
    return Keyring.from_text(Secret(text))


def write_key_file(path: Path, keyring: Keyring) -> None:
    """Replace the file by one that holds `keyring`, durably, at mode 0600."""
    durable.replace(path, _encoded(keyring))


def _encoded(keyring: Keyring) -> bytes:
    return keyring.to_text().reveal().encode("ascii")
