"""The keys that are never in the database: key-encryption keys and the fingerprint key.

One rule: rotation replaces key-encryption keys and leaves the fingerprint key alone, or the same
card would stop having the same fingerprint. A retired key still reads; only the current one wraps.
"""

from __future__ import annotations

import hashlib
import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nostro.kernel.errors import Misconfigured
from nostro.kernel.secret import Secret

KEY_BYTES = 32
_SHORTEST_ROOT = 32
_HEX_KEY = re.compile(r"[0-9a-f]{64}")


class Keyring:
    """The fingerprint key, the current key-encryption key and those retired. Each 64 hex digits."""

    __slots__ = ("_current", "_fingerprint", "_retired")

    def __init__(
        self, fingerprint: Secret, current: Secret, retired: tuple[Secret, ...] = ()
    ) -> None:
        """Raises `Misconfigured` unless every key is 32 bytes and all of them differ."""
        keys = [fingerprint.reveal(), current.reveal(), *(key.reveal() for key in retired)]
        if not all(_HEX_KEY.fullmatch(key) for key in keys):
            raise Misconfigured("a vault key must be 64 hexadecimal digits")
        if len(set(keys)) != len(keys):
            raise Misconfigured("every vault key must differ from the others")
        self._fingerprint, self._current, self._retired = fingerprint, current, retired

    @classmethod
    def from_root(cls, root: Secret) -> Keyring:
        """Both keys derived from one secret of at least 32 characters by HKDF (RFC 5869)."""
        if len(root.reveal()) < _SHORTEST_ROOT:
            raise Misconfigured("the vault's root key must have at least 32 characters")
        return cls(_derived(root, b"fingerprint"), _derived(root, b"key encryption"))

    @classmethod
    def from_text(cls, text: Secret) -> Keyring:
        """Read what `to_text` wrote. Raises `Misconfigured`, without repeating a key."""
        lines = [line.split() for line in text.reveal().splitlines() if line.strip()]
        if any(len(line) != 2 for line in lines):
            raise Misconfigured("a line of the vault's key file is a name and a key")
        named = [(line[0], Secret(line[1])) for line in lines]
        if [name for name, _ in named][:2] != ["fingerprint", "current"]:
            raise Misconfigured("the vault's key file begins with `fingerprint` and `current`")
        if any(name != "retired" for name, _ in named[2:]):
            raise Misconfigured("the vault's key file goes on with `retired` keys only")
        return cls(named[0][1], named[1][1], tuple(key for _, key in named[2:]))

    def to_text(self) -> Secret:
        """The lines of the key file. Whoever writes them keeps the file at mode 0600."""
        lines = [f"fingerprint {self._fingerprint.reveal()}", f"current {self._current.reveal()}"]
        lines += [f"retired {key.reveal()}" for key in self._retired]
        return Secret("\n".join(lines) + "\n")

    def rotated(self, fresh: bytes) -> Keyring:
        """A keyring whose current key is `fresh` (32 unpredictable bytes); the old one reads on."""
        return Keyring(
            self._fingerprint, Secret(bytes(fresh).hex()), (self._current, *self._retired)
        )

    def without_retired(self) -> Keyring:
        """Only the current key: for when every data key has been wrapped anew."""
        return Keyring(self._fingerprint, self._current)

    @property
    def fingerprint_key(self) -> bytes:
        """The bytes of the fingerprint key. Each use is a place to review."""
        return bytes.fromhex(self._fingerprint.reveal())

    @property
    def current_kek_id(self) -> str:
        """Names the current key-encryption key without telling anything of it."""
        return kek_id(self._current)

    def key_encryption_keys(self) -> dict[str, bytes]:
        """Every key-encryption key by its id. Each use is a place to review."""
        keys = (self._current, *self._retired)
        return {kek_id(key): bytes.fromhex(key.reveal()) for key in keys}

    def keys_for(self, purpose: str) -> dict[str, bytes]:
        """A key for another purpose from each key-encryption key, by that key's id (HKDF, RFC 5869)."""
        keys = (self._current, *self._retired)
        return {
            kek_id(key): bytes.fromhex(_derived(key, purpose.encode()).reveal()) for key in keys
        }

    def __repr__(self) -> str:
        return f"<keyring {self.current_kek_id}, {len(self._retired)} retired>"

    def __reduce__(self) -> str:
        raise TypeError("a Keyring cannot be pickled or copied")


def kek_id(key: Secret) -> str:
    """The first 64 bits of a hash of the key, as `kek_…`."""
    digest = hashlib.sha256(b"nostro kek id\0" + bytes.fromhex(key.reveal())).hexdigest()
    return f"kek_{digest[:16]}"


def _derived(root: Secret, purpose: bytes) -> Secret:
    derive = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"nostro vault v1 " + purpose)
    return Secret(derive.derive(root.reveal().encode()).hex())
