"""The `Stripe-Signature` header: `t=UNIX,v1=HEX[,v1=HEX]`.

`v1` is HMAC-SHA-256 under the endpoint's whole secret (prefix included) of `{t}.{raw body}`. While a
secret is rolled both the old and the new one sign, and a receiver accepts either.

One rule: the body is the bytes of the wire, never parsed and rendered again. Time is passed in.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

SCHEME = "v1"
TOLERANCE_SECONDS = 300
_LONGEST_HEADER = 4_096
_LONGEST_TIMESTAMP = 12


class SignatureRefused(ValueError):
    """The header does not prove that a holder of the secret sent this body lately."""


def sign(body: bytes, secrets: Iterable[str], t: int) -> str:
    """The header for one delivery attempt at `t` (Unix seconds), one signature per secret."""
    signatures = "".join(f",{SCHEME}={_signature(body, secret, t)}" for secret in secrets)
    if not signatures:
        raise ValueError("a delivery is signed with at least one secret")
    return f"t={t}{signatures}"


def verify(
    header: str, body: bytes, secrets: Iterable[str], now: int, tolerance: int = TOLERANCE_SECONDS
) -> int:
    """The signed timestamp. Raises `SignatureRefused`.

    Refuses a time more than `tolerance` seconds away from `now` in either direction. Every
    signature is compared with every secret in constant time, whichever of them fits.
    """
    t, signatures = _parse(header)
    expected = [_signature(body, secret, t).encode() for secret in secrets]
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in signatures]
    if not any(matches):
        raise SignatureRefused("no signature fits the body and the secret")
    if abs(now - t) > tolerance:
        raise SignatureRefused(f"the timestamp is outside the tolerance of {tolerance} seconds")
    return t


def _signature(body: bytes, secret: str, t: int) -> str:
    if not secret:
        raise ValueError("an empty secret signs nothing")
    return hmac.digest(secret.encode(), b"%d.%b" % (t, body), "sha256").hex()


def _parse(header: str) -> tuple[int, list[bytes]]:
    """The timestamp and the `v1` signatures. Other schemes are skipped, as receivers must."""
    if len(header) > _LONGEST_HEADER:
        raise SignatureRefused("the header is too long")
    items = [item.strip().partition("=") for item in header.split(",")]
    times = [value for name, _, value in items if name == "t"]
    signatures = [value.encode() for name, _, value in items if name == SCHEME]
    if len(times) != 1 or not signatures:
        raise SignatureRefused("the header needs one timestamp and at least one v1 signature")
    if not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= _LONGEST_TIMESTAMP):
        raise SignatureRefused("the header's timestamp is not a number")
    return int(times[0]), signatures
