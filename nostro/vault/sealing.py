"""Seals card numbers: AES-256-GCM under a data key, which is wrapped by a key-encryption key.

A data key serves one epoch of one process (its start, or a million seals) and is stored wrapped
before the first card it sealed. The seal binds the owner's account, the token, the column and the
data key, so a ciphertext copied to another row does not open.

One rule: whatever is wrong with a seal, the answer is the same `SealBroken`. A card security code
is never sealed, because it is never stored.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nostro.kernel.clock import SystemTime
from nostro.kernel.errors import Misconfigured, NostroError, OurMistake
from nostro.kernel.ids import base62
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Pan
from nostro.vault.keyring import KEY_BYTES, Keyring
from nostro.vault.model import CardFacts, SealedCard, WrappedDataKey

# Random 96-bit nonces stay unique with overwhelming odds far beyond this (NIST SP 800-38D: 2^32).
SEALS_PER_DATA_KEY = 1 << 20
FINGERPRINT_LENGTH = 16
_NONCE_BYTES = 12
_FORMAT = b"\x01"
_COLUMN = "vault_cards.ciphertext"


class SealBroken(NostroError):
    """A sealed value does not open: it was altered, moved, or sealed under another key."""


class DataKeyUnknown(NostroError):
    """The data key of this card is not loaded: read `vault_data_keys` again."""


class Vault:
    """Seals, opens and fingerprints card numbers. Holds plain data keys in memory only."""

    __slots__ = ("_current", "_data_keys", "_entropy", "_fingerprint_key", "_keyring", "_seals")

    def __init__(self, keyring: Keyring, entropy: Entropy) -> None:
        self._keyring = keyring
        self._entropy = entropy
        self._fingerprint_key = keyring.fingerprint_key
        self._data_keys: dict[str, AESGCM] = {}
        self._current: str | None = None
        self._seals = 0

    @property
    def needs_data_key(self) -> bool:
        """Whether `new_data_key` must be called, and its row stored, before the next `seal`."""
        return self._current is None or self._seals >= SEALS_PER_DATA_KEY

    def new_data_key(self, now: SystemTime) -> WrappedDataKey:
        """Make a data key and return its row. Store the row, then `use` it."""
        plain, identifier = self._entropy.bytes(KEY_BYTES), "vdk_" + self._entropy.bytes(8).hex()
        return self._wrapped(identifier, plain, now)

    def use(self, row: WrappedDataKey) -> None:
        """Seal with this data key from now on. Only for a key whose row is durable."""
        self.load([row])
        self._current, self._seals = row.id, 0

    def load(self, rows: Iterable[WrappedDataKey]) -> None:
        """Make the data keys of these rows readable. Raises `Misconfigured`, `SealBroken`."""
        for row in rows:
            self._data_keys[row.id] = AESGCM(self._unwrapped(row))

    def seal(self, pan: Pan, facts: CardFacts, owner: str, token: str) -> SealedCard:
        """The row that stores this card for `owner` under `token`."""
        if self._current is None:
            raise OurMistake("no data key is in use: store a new one and use it before sealing")
        self._seals += 1
        return SealedCard(
            token,
            owner,
            self._sealed(pan, owner, token, self._current),
            self._current,
            self.fingerprint(pan, owner),
            facts.brand,
            facts.funding,
            facts.country,
            facts.iin,
            facts.last4,
            facts.exp_month,
            facts.exp_year,
        )

    def open(self, sealed: SealedCard) -> Pan:
        """The card number. Raises `SealBroken` or, for a key made elsewhere, `DataKeyUnknown`."""
        key = self._data_keys.get(sealed.data_key_id)
        if key is None:
            raise DataKeyUnknown
        bound = _bound(_COLUMN, sealed.account, sealed.token, sealed.data_key_id)
        return Pan(_opened(key, sealed.ciphertext, bound).decode("ascii"))

    def fingerprint(self, pan: Pan, owner: str) -> str:
        """16 base62 characters, the same for the same card of the same account and no other."""
        message = _bound("fingerprint", owner, pan.reveal())
        digest = hmac.digest(self._fingerprint_key, message, "sha256")
        return base62(int.from_bytes(digest, "big") % 62**FINGERPRINT_LENGTH, FINGERPRINT_LENGTH)

    def needs_rewrap(self, row: WrappedDataKey) -> bool:
        """Whether a retired key still wraps this data key."""
        return row.kek_id != self._keyring.current_kek_id

    def rewrap(self, row: WrappedDataKey) -> WrappedDataKey:
        """The same data key under the current key-encryption key. No card is sealed anew."""
        return self._wrapped(row.id, self._unwrapped(row), row.created_ms)

    def _sealed(self, pan: Pan, owner: str, token: str, data_key_id: str) -> bytes:
        nonce = self._entropy.bytes(_NONCE_BYTES)
        bound = _bound(_COLUMN, owner, token, data_key_id)
        plain = pan.reveal().encode("ascii")
        return _FORMAT + nonce + self._data_keys[data_key_id].encrypt(nonce, plain, bound)

    def _wrapped(self, identifier: str, plain: bytes, created: SystemTime) -> WrappedDataKey:
        kek_id = self._keyring.current_kek_id
        nonce = self._entropy.bytes(_NONCE_BYTES)
        kek = AESGCM(self._keyring.key_encryption_keys()[kek_id])
        sealed = kek.encrypt(nonce, plain, _bound("vault_data_keys.wrapped", identifier, kek_id))
        return WrappedDataKey(identifier, _FORMAT + nonce + sealed, kek_id, created)

    def _unwrapped(self, row: WrappedDataKey) -> bytes:
        kek = self._keyring.key_encryption_keys().get(row.kek_id)
        if kek is None:
            raise Misconfigured(f"the vault's key file does not hold {row.kek_id}")
        bound = _bound("vault_data_keys.wrapped", row.id, row.kek_id)
        return _opened(AESGCM(kek), row.wrapped, bound)

    def __repr__(self) -> str:
        return f"<vault, {len(self._data_keys)} data keys>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Vault cannot be pickled or copied")


def _opened(key: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    """The plain bytes, or the one `SealBroken` that says nothing of what was wrong."""
    end_of_nonce = 1 + _NONCE_BYTES
    if sealed[:1] != _FORMAT or len(sealed) <= end_of_nonce:
        raise SealBroken
    try:
        return key.decrypt(sealed[1:end_of_nonce], sealed[end_of_nonce:], bound)
    except InvalidTag:
        raise SealBroken from None


def _bound(*parts: str) -> bytes:
    """The parts with their lengths, so that no two lists of parts make the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join([len(part).to_bytes(4, "big") + part for part in encoded])
