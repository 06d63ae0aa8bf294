"""Checkpoints as C2SP defines them (c2sp.org/tlog-checkpoint): what a log signs of its tree.

The lines are the log's origin, the tree's size, its root in base64, and one line of our own that says
when it was signed: `nostro-time` and Unix milliseconds. Other extension lines are kept as they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence

import msgspec

from nostro.audit import notes
from nostro.audit.merkle import HASH_BYTES
from nostro.audit.notes import NoteRefused, Signer, VerifierKey

_TIME = "nostro-time "
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree's size and root under the log's name; `time_ms` is Unix milliseconds or None."""

    origin: str
    size: int
    root: bytes
    time_ms: int | None = None
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        time = () if self.time_ms is None else (f"{_TIME}{self.time_ms}",)
        root = base64.b64encode(self.root).decode()
        lines = (self.origin, str(self.size), root, *time, *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def sign(checkpoint: Checkpoint, signers: Iterable[Signer]) -> str:
    """The signed note. Raises `NoteRefused` for a checkpoint that could not be read again."""
    if parse_text(checkpoint.text) != checkpoint:
        raise NoteRefused("the checkpoint has a line that is not one")
    return notes.sign(checkpoint.text, signers)


def open_checkpoint(note: str | bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that the log itself signed. Raises `NoteRefused`.

    The log's key has the log's origin as its name; signatures by other names (witnesses) that are
    among `keys` have to be right too, but do not make up for the log's.
    """
    parsed = notes.parse(note)
    checkpoint = parse_text(parsed.text)
    signed = notes.verify(parsed, keys)
    if checkpoint.origin not in {key.name for key in signed}:
        raise NoteRefused("the log itself did not sign the checkpoint")
    return checkpoint


def parse_text(text: str) -> Checkpoint:
    """A checkpoint from a note's text, nothing verified. Raises `NoteRefused`."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NoteRefused("a checkpoint is three lines or more, none empty")
    origin, size, root, *rest = lines
    times = [line for line in rest if line.startswith(_TIME)]
    # One place for the time, so that one checkpoint is one text.
    if times and (len(times) > 1 or rest[0] != times[0]):
        raise NoteRefused("a checkpoint's time is one line, right behind its root")
    time_ms = _number(times[0].removeprefix(_TIME)) if times else None
    return Checkpoint(origin, _number(size), _root(root), time_ms, tuple(rest[len(times) :]))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NoteRefused("a checkpoint's numbers are decimal, without leading zeros")
    return int(text)


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoteRefused("a checkpoint's root is base64") from error
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != text:
        raise NoteRefused("a checkpoint's root is 32 bytes in base64")
    return root
