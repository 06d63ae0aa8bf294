"""Notifications of the sandbox acquirer: verified, then read. Signed as webhooks are, with a secret we gave it."""

from __future__ import annotations

import msgspec

from nostro.acquirers.sandbox import found
from nostro.kernel.clock import SECOND
from nostro.kernel.outcome import NotFound, Operation
from nostro.kernel.ports import Claims, Clock, Forged, Notification
from nostro.kernel.secret import Secret
from nostro.wire.webhook_signature import SignatureRefused, verify

HEADER = "nostro-acquirer-signature"
TEXT_MAX = 255


class _Head(msgspec.Struct, frozen=True):
    """Which notification it is, and about what."""

    id: str
    reference: str
    operation: str | None = None
    amount: int | None = None
    currency: str | None = None
    original: str | None = None

    @property
    def claims(self) -> Claims:
        """What it says that the message was. A sandbox calls what it authorizes and captures at once a sale, too."""
        known = Operation(self.operation) if self.operation in set(Operation) else None
        return Claims(known, self.amount, self.currency, None, self.original)

    @property
    def is_readable(self) -> bool:
        """Ids that a person could read aloud, and a database can hold."""
        names = (self.id, self.reference)
        return all(0 < len(name) <= TEXT_MAX and name.isprintable() for name in names)


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
        if isinstance(evidence, NotFound) or b"\\u0000" in body or not head.is_readable:
            raise Forged("it says nothing")
        return Notification(head.id, head.reference, evidence, head.claims)
