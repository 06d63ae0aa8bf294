"""One hash over several texts, so that a record of fixed length can hold them; salted hashes.

The texts are joined with their lengths before them, so no two lists of texts are the same bytes.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from nostro.kernel.errors import OurMistake

SALT_BYTES = 16
_ABSENT = b"\xff\xff\xff\xff"


class NotEncodable(OurMistake):
    """A value has no place in a record of the log: out of range, or of another length."""


def texts(*values: str | None) -> bytes:
    """SHA-256 over each text's UTF-8 bytes behind their number (u32); an absent one is told apart."""
    return sha256(encoded(*values)).digest()


def encoded(*values: str | None) -> bytes:
    """What `texts` hashes. Raises `NotEncodable` for text that is not Unicode."""
    return b"".join([_ABSENT if value is None else _encoded(value) for value in values])


# An account's code and currency never change and every entry of the account is hashed with them; the
# accounts of one book that move in the same minutes are few. 16,384 of them take about 4 MB.
@lru_cache(maxsize=16_384)
def repeated_texts(*values: str | None) -> bytes:
    """`texts`, remembered: for arguments that come again and again, such as an account's."""
    return texts(*values)


# The two accounts, the currency and the code of a transfer come again with every payment of a merchant;
# only its subject is new. About 6 MB at most.
@lru_cache(maxsize=16_384)
def repeated_encoded(*values: str | None) -> bytes:
    """`encoded`, remembered: for the texts before one that is new each time."""
    return encoded(*values)


def metadata_hash(salt: bytes, metadata: str) -> bytes:
    """What a transfer holds of its metadata (a JSON text): the salt makes a guess impossible."""
    return _salted(salt, metadata)


def address_hash(salt: bytes, address: str) -> bytes:
    """What an audit record holds of the caller's address."""
    return _salted(salt, address)


def _salted(salt: bytes, text: str) -> bytes:
    if len(salt) != SALT_BYTES:
        raise NotEncodable(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return sha256(salt + _utf8(text)).digest()


def _encoded(value: str) -> bytes:
    data = _utf8(value)
    return len(data).to_bytes(4) + data


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise NotEncodable("a text that is not Unicode cannot be recorded") from error
