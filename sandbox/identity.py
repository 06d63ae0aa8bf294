"""What makes one book distinguishable from another: its name and its secret key.

The name is part of every acquirer reference, so that two books never give the same one. The key is
for keyed hashes and lives in a file of its own, apart from the book.
"""

import hmac
import os
import secrets
from pathlib import Path

import msgspec

from sandbox.messages import Authorize, Cancel, Capture, Card, Inquire, Refund, Void

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CODES = 36**6
_STRIDE = 1_299_709_213  # coprime to 36, so consecutive numbers give distinct, scattered codes


class Identity(msgspec.Struct, frozen=True):
    """A book's name (8 digits) and 32-byte key."""

    name: str
    key: bytes

    def __repr__(self) -> str:
        """Leave the key out."""
        return f"Identity({self.name})"

    def acquirer_reference(self, seq: int) -> str:
        """Name operation number ``seq`` for the merchant."""
        return f"sbx_{self.name}{seq:012d}"

    def network_reference(self, seq: int) -> str:
        """Name operation number ``seq`` for the card network: 15 digits."""
        return f"{int(self.name) % 100_000:05d}{seq % 10**10:010d}"

    def card_hash(self, number: str) -> bytes:
        """Hash a card number with the key, so that equal cards compare equal (16 bytes)."""
        return hmac.digest(self.key, b"card|" + number.encode(), "sha256")[:16]

    def fingerprint(self, request: object, card_hash: bytes | None = None) -> bytes:
        """Hash the parameters that a repetition under the same reference must share (16 bytes).

        The CVC, the address and the deadline are left out.
        """
        text = repr(_parameters(request)).encode() + (card_hash or b"")
        return hmac.digest(self.key, text, "sha256")[:16]


def _parameters(request: object) -> tuple[object, ...]:
    match request:
        case Authorize(amount=amount, currency=currency, card=card, merchant=merchant):
            expiry = (card.exp_month, full_year(card))
            return ("authorize", amount, currency, request.capture, merchant, *expiry)
        case Capture(original=original, amount=amount, currency=currency, final=final):
            return ("capture", original, amount, currency, final)
        case Refund(original=original, amount=amount, currency=currency):
            return ("refund", original, amount, currency)
        case Void(original=original):
            return ("void", original)
        case Cancel() | Inquire():
            raise TypeError("cancels and inquiries are not operations of their own")
    raise TypeError(f"not a request: {type(request).__name__}")


def full_year(card: Card) -> int:
    """Read a two-digit expiry year as one of this century."""
    return card.exp_year + 2000 if card.exp_year < 100 else card.exp_year


def authorization_code(seq: int) -> str:
    """Give the issuer's six-character approval code for operation number ``seq``."""
    number = seq * _STRIDE % _CODES
    digits = []
    for _ in range(6):
        number, digit = divmod(number, 36)
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def load_identity(path: Path) -> Identity:
    """Read the identity at ``path``, or make one there, durably and readable by its owner only."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    name = f"{secrets.randbelow(10**8):08d}"
    identity = Identity(name, secrets.token_bytes(32))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    return identity
