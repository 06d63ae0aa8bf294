"""Ids: a type prefix, base62 of (48-bit milliseconds, 16-bit birth book), then of twice 36 random bits.

The book of an object is known from its id alone, and ids of one prefix sort by time of birth.
Minting is deterministic given a seed, so that a command decided twice mints the same ids.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_LENGTH, _HALF_LENGTH = 11, 7  # digits: the first powers of 62 that hold 64 and 36 bits
_RANDOM_LENGTH = 2 * _HALF_LENGTH
BODY_LENGTH = _TIME_LENGTH + _RANDOM_LENGTH
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_TRIPLES = [a + pair for a in ALPHABET[:2] for pair in _PAIRS]  # enough for 2**36 // 62**4
_FOUR_DIGITS = 62**4
_RANDOM_BYTES = 9
_STREAM_BYTES = 168  # one block of SHAKE128: enough for most commands


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
    for character in body[:_TIME_LENGTH]:
        if character not in _VALUES:
            return None
        number = number * 62 + _VALUES[character]
    return number & 0xFFFF


def _half(number: int) -> str:
    """36 bits as 7 digits."""
    high, low = divmod(number, _FOUR_DIGITS)
    return f"{_TRIPLES[high]}{_PAIRS[low // 3844]}{_PAIRS[low % 3844]}"


@lru_cache(maxsize=64)
def _time_digits(milliseconds: int, book: int) -> str:
    return base62((milliseconds << 16) | book, _TIME_LENGTH)


class Mint:
    """Mints ids, ledger transfer ids and secrets from one 16-byte seed, in a fixed order."""

    __slots__ = ("_at", "_ms", "_stream", "_time")

    def __init__(self, seed: bytes, book: int, milliseconds: int) -> None:
        self._stream = hashlib.shake_128(seed).digest(_STREAM_BYTES)
        self._at = 0
        self._ms = milliseconds
        self._time = _time_digits(milliseconds, book)

    def _draw(self, count: int) -> int:
        if self._at + count > len(self._stream):
            self._stream = hashlib.shake_128(self._stream).digest(_STREAM_BYTES)
            self._at = 0
        chunk = self._stream[self._at : self._at + count]
        self._at += count
        return int.from_bytes(chunk, "big")

    def new(self, prefix: str) -> str:
        """A new id, such as `pi_…` for prefix `pi`."""
        high, low = divmod(self._draw(_RANDOM_BYTES), 1 << 36)
        return f"{prefix}_{self._time}{_half(high)}{_half(low)}"

    def transfer_id(self) -> str:
        """A new time-ordered UUID, version 7 (RFC 9562), as 32 hexadecimal digits."""
        random = self._draw(10)
        high = (self._ms << 16) | 0x7000 | (random & 0xFFF)
        low = (2 << 62) | ((random >> 12) & ((1 << 62) - 1))
        return f"{high:016x}{low:016x}"

    def secret(self) -> str:
        """24 base62 characters (142 bits) for a client secret."""
        return base62(self._draw(18), 24)
