"""The keys that sign a log's checkpoints: one private key in a file outside the database, and every public key ever used.

One rule: a retired key signs nothing more, and is never forgotten, since what it signed is still held by others.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nostro import durable
from nostro.audit.notes import Signer, VerifierKey
from nostro.kernel.clock import SystemTime
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Entropy
from nostro.kernel.secret import Secret

KEY_BYTES = 32
INSTALLATION_BYTES = 8


class PublicKey(msgspec.Struct, frozen=True):
    """A public key (hexadecimal) and when it was in use, in Unix milliseconds."""

    public: str
    created_ms: int
    retired_ms: int | None = None


class _File(msgspec.Struct, frozen=True):
    """What the file holds, as JSON."""

    origin: str
    private: str
    keys: tuple[PublicKey, ...]


class LogKeys:
    """The signing key of every book's log of one installation, and the public keys before it."""

    def __init__(self, origin: str, private: Secret, keys: tuple[PublicKey, ...]) -> None:
        self.origin, self._private, self.keys = origin, private, keys

    def origin_of(self, book: int) -> str:
        """The name of a book's log, which its checkpoints begin with."""
        return f"{self.origin}/book/{book}"

    def signer(self, book: int) -> Signer:
        """The current key, in the name of a book's log."""
        return Signer(self.origin_of(book), bytes.fromhex(self._private.reveal()))

    def verifiers(self, book: int) -> list[VerifierKey]:
        """Every key that ever signed for a book's log, the current one last."""
        origin = self.origin_of(book)
        return [VerifierKey(origin, bytes.fromhex(key.public)) for key in self.keys]

    def rotated(self, entropy: Entropy, now: SystemTime) -> LogKeys:
        """The same log with a new key; the one so far is retired."""
        private = Secret(entropy.bytes(KEY_BYTES).hex())
        *before, current = self.keys
        retired = PublicKey(current.public, current.created_ms, now)
        return LogKeys(self.origin, private, (*before, retired, PublicKey(_public(private), now)))

    def to_json(self) -> bytes:
        """The file's contents: the private key is in it."""
        return msgspec.json.encode(_File(self.origin, self._private.reveal(), self.keys))


def open_log_keys(path: Path, origin: str | None, entropy: Entropy, now: SystemTime) -> LogKeys:
    """The keys in the file, made at first use. `origin` names the installation; without one a random name is made.

    Raises Misconfigured if others may read the file, it is malformed, or its log has another name: a log cannot be renamed.
    """
    if not path.exists():
        private = Secret(entropy.bytes(KEY_BYTES).hex())
        name = origin or f"nostro.invalid/{entropy.bytes(INSTALLATION_BYTES).hex()}"
        fresh = LogKeys(name, private, (PublicKey(_public(private), now),))
        durable.create(path, fresh.to_json())
    keys = read_log_keys(path)
    if origin is not None and origin != keys.origin:
        raise Misconfigured(
            f"the log of {path} is named {keys.origin}: it cannot become {origin}, since others hold what it signed"
        )
    return keys


def read_log_keys(path: Path) -> LogKeys:
    """The keys in a file that is there. Raises Misconfigured."""
    try:
        found = msgspec.json.decode(durable.read_private(path), type=_File)
        public = _public(Secret(found.private))
    except FileNotFoundError:
        raise Misconfigured(
            f"{path} is missing: copy it from the data directory of the first `nostro up`"
        ) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Misconfigured(f"{path} is not a file of log keys: restore it") from error
    if not found.keys or found.keys[-1].public != public:
        raise Misconfigured(f"{path}: its private key is not its newest key: restore it")
    return LogKeys(found.origin, Secret(found.private), found.keys)


def write_log_keys(path: Path, keys: LogKeys) -> None:
    """Replace the file, durably and whole."""
    durable.replace(path, keys.to_json())


def _public(private: Secret) -> str:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private.reveal()))
    return key.public_key().public_bytes_raw().hex()
