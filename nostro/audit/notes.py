"""Signed notes as C2SP defines them (c2sp.org/signed-note), with Ed25519 alone.

A note is text, an empty line, and signature lines. Who reads one names the keys it trusts: signatures
by other keys are ignored, a bad signature by a trusted key refuses the note, and so does having none.

One rule: text is only given out with the keys that signed it (`verify`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# Both are ours; the specification asks that at least 16 signatures be read, of up to 5 kB each.
LONGEST_NOTE_BYTES = 256 * 1024
MOST_SIGNATURES = 64
_ED25519 = b"\x01"
_DASH = "\u2014 "
_KEY_ID_BYTES = 4


class NoteRefused(ValueError):
    """The bytes are not a note, or no trusted key signed it."""


class VerifierKey(msgspec.Struct, frozen=True):
    """A name and the Ed25519 public key (32 bytes) that signs in that name."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell this key from others of the same name."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text: `name+key id+key`."""
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: the key's name and id, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note that was read but not verified; its text ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]


class Signer:
    """A private key (32 bytes) that signs in one name."""

    def __init__(self, name: str, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)
        self.verifier = VerifierKey(_name(name), self._key.public_key().public_bytes_raw())

    def line(self, text: str) -> str:
        """The signature line for a text."""
        signed = self.verifier.key_id + self._key.sign(text.encode())
        return f"{_DASH}{self.verifier.name} {base64.b64encode(signed).decode()}\n"


def parse_vkey(text: str) -> VerifierKey:
    """A verifier key from its text. Raises `NoteRefused`; other algorithms than Ed25519 too."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _base64(encoded)
    if len(key) != 33 or key[:1] != _ED25519:
        raise NoteRefused("the key is not an Ed25519 key of 32 bytes")
    found = VerifierKey(_name(name), key[1:])
    if found.key_id.hex() != key_id:
        raise NoteRefused("the key's id does not fit its name and its bytes")
    return found


def sign(text: str, signers: Iterable[Signer]) -> str:
    """The note: the text, an empty line, and a signature line for each signer."""
    _check_text(text)
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def parse(note: str | bytes) -> Note:
    """Text and signatures of a note, nothing verified. Raises `NoteRefused`."""
    whole = _decoded(note)
    end = whole.rfind("\n\n")
    if end < 0 or not whole.endswith("\n"):
        raise NoteRefused("a note is a text, an empty line and signature lines")
    lines = whole[end + 2 :].split("\n")[:-1]
    if not 0 < len(lines) <= MOST_SIGNATURES:
        raise NoteRefused(f"a note has 1 to {MOST_SIGNATURES} signatures, not {len(lines)}")
    return Note(whole[: end + 1], tuple(_signature(line) for line in lines))


def verify(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """The keys of `keys` that signed the note, in the order of its lines. Raises `NoteRefused`."""
    known = {(key.name, key.key_id): key for key in keys}
    signed = [
        _verified(note.text, line, known[line.name, line.key_id])
        for line in note.signatures
        if (line.name, line.key_id) in known
    ]
    if not signed:
        raise NoteRefused("no known key signed the note")
    return signed


def _verified(text: str, line: Signature, key: VerifierKey) -> VerifierKey:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(line.signature, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise NoteRefused(f"the signature of {key.name} is not of this text") from error
    return key


def _signature(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    data = _base64(encoded)
    if not line.startswith(_DASH) or not separator or len(data) <= _KEY_ID_BYTES:
        raise NoteRefused("a signature line is a dash, the key's name and base64")
    return Signature(_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _decoded(note: str | bytes) -> str:
    if len(note) > LONGEST_NOTE_BYTES:
        raise NoteRefused(f"a note has at most {LONGEST_NOTE_BYTES} bytes")
    try:
        text = note if isinstance(note, str) else note.decode()
    except UnicodeDecodeError as error:
        raise NoteRefused("a note is UTF-8") from error
    _check_characters(text)
    return text


def _check_text(text: str) -> None:
    _check_characters(text)
    if not text.endswith("\n"):
        raise NoteRefused("a note's text ends in a newline")


def _check_characters(text: str) -> None:
    if any(character < " " and character != "\n" for character in text):
        raise NoteRefused("a note has no control characters but newlines")


def _name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteRefused("a key's name is not empty and has neither spaces nor a plus")
    return name


def _base64(text: str) -> bytes:
    """Strict: the one text that stands for these bytes, so that no bit of a note is free to change."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoteRefused("this is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteRefused("this is not base64 as it is written")
    return data
