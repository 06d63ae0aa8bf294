"""Seals short secrets, such as those of webhook endpoints: AES-256-GCM under a key of their own purpose.

The key is derived from the current key-encryption key, whose id stands before the sealed text: after a rotation a
retired key still opens what it sealed. The seal binds what the caller names, such as the account and the row's id, so
that a sealed text copied to another row does not open.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret
from nostro.vault.keyring import Keyring
from nostro.vault.sealing import SealBroken

PURPOSE = "text seal"
_NONCE_BYTES = 12


class TextSeal:
    """The `SecretBox` of the vault."""

    def __init__(self, keyring: Keyring, entropy: Entropy) -> None:
        self._entropy = entropy
        self._current = keyring.current_kek_id
        self._keys = {name: AESGCM(key) for name, key in keyring.keys_for(PURPOSE).items()}

    def seal(self, text: Secret, *bound: str) -> str:
        """`kek_….base64`, to be opened with the same `bound`."""
        nonce = self._entropy.bytes(_NONCE_BYTES)
        sealed = self._keys[self._current].encrypt(
            nonce, text.reveal().encode(), _bytes(self._current, *bound)
        )
        return f"{self._current}.{b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *bound: str) -> Secret:
        """The text. Raises `SealBroken`, whatever is wrong with it."""
        name, _, coded = sealed.partition(".")
        key = self._keys.get(name)
        if key is None:
            raise SealBroken
        try:
            raw = b64decode(coded, validate=True)
            plain = key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bytes(name, *bound))
        except (ValueError, InvalidTag):
            raise SealBroken from None
        return Secret(plain.decode())


def _bytes(*parts: str) -> bytes:
    """The parts with their lengths, so that no two lists of parts make the same bytes."""
    encoded = [part.encode() for part in ("text", *parts)]
    return b"".join([len(part).to_bytes(4, "big") + part for part in encoded])
