"""Notifications of the sandbox acquirer: verified, then read. Signed as webhooks are, with a secret we gave it."""

from __future__ import annotations

import msgspec

from nostro.acquirers.sandbox import found
from nostro.kernel.clock import SECOND
from nostro.kernel.outcome import NotFound
from nostro.kernel.ports import Clock, Forged, Notification
from nostro.kernel.secret import Secret
from nostro.wire.webhook_signature import SignatureRefused, verify

HEADER = "nostro-acquirer-signature"


class _Head(msgspec.Struct, frozen=True):
    """Which notification it is, and about what."""

    id: str
    reference: str


_decode = msgspec.json.Decoder(_Head).decode


class SandboxNotices:
    """Reads what one sandbox says."""

    def __init__(self, secret: Secret, clock: Clock) -> None:
        self._secret, self._clock = secret, clock

    def read(self, signature: str, body: bytes) -> Notification:
        """Raises Forged for what it did not sign, did not sign lately, or cannot have meant."""
        try:
            verify(signature, body, [self._secret.reveal()], self._clock.system() // SECOND)
            head = _decode(body)
            body.decode()
        except (SignatureRefused, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Forged(str(error)) from error
        evidence = found(200, body, head.reference)
        if isinstance(evidence, NotFound) or b"\\u0000" in body or not head.id:
            raise Forged("it says nothing")
        return Notification(head.id, head.reference, evidence)
