"""Ids: a type prefix and base62 of (48-bit milliseconds, 16-bit birth book, 72 random bits).

The book of an object is known from its id alone, and ids of one prefix sort by time of birth.
Minting is deterministic given a seed, so that a command decided twice mints the same ids.
"""

from __future__ import annotations

import hashlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY_LENGTH = 23  # digits: 62**23 is the first power that holds 136 bits
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_RANDOM_BYTES = 9
_STREAM_BYTES = 32 * 16


def base62(number: int, length: int) -> str:
    """Write a non-negative `number` in base 62, padded with zeros to `length` digits."""
    parts = []
    for _ in range(length // 2):
        number, pair = divmod(number, 3844)
        parts.append(_PAIRS[pair])
    if length % 2:
        parts.append(ALPHABET[number])
    return "".join(reversed(parts))


def birth_book(identifier: str) -> int | None:
    """The book an id was born in, or None if `identifier` is not an id of ours."""
    body = identifier.rpartition("_")[2]
    if len(body) != BODY_LENGTH:
        return None
    number = 0
    for character in body:
        if character not in _VALUES:
            return None
        number = number * 62 + _VALUES[character]
    return (number >> 72) & 0xFFFF


class Mint:
    """Mints ids, ledger transfer ids and secrets from one 16-byte seed, in a fixed order."""

    __slots__ = ("_at", "_book", "_ms", "_stream")

    def __init__(self, seed: bytes, book: int, milliseconds: int) -> None:
        self._stream = hashlib.shake_128(seed).digest(_STREAM_BYTES)
        self._at = 0
        self._book = book
        self._ms = milliseconds

    def _draw(self, count: int) -> int:
        if self._at + count > len(self._stream):
            self._stream = hashlib.shake_128(self._stream).digest(_STREAM_BYTES)
            self._at = 0
        chunk = self._stream[self._at : self._at + count]
        self._at += count
        return int.from_bytes(chunk, "big")

    def new(self, prefix: str) -> str:
        """A new id, such as `pi_…` for prefix `pi`."""
        number = ((self._ms << 16) | self._book) << 72 | self._draw(_RANDOM_BYTES)
        return f"{prefix}_{base62(number, BODY_LENGTH)}"

    def transfer_id(self) -> str:
        """A new time-ordered UUID, version 7 (RFC 9562), as 32 hexadecimal digits."""
        random = self._draw(10)
        high = (self._ms << 16) | 0x7000 | (random & 0xFFF)
        low = (2 << 62) | ((random >> 12) & ((1 << 62) - 1))
        return f"{high:016x}{low:016x}"

    def secret(self) -> str:
        """24 base62 characters (142 bits) for a client secret."""
        return base62(self._draw(18), 24)
