"""Notifications as an acquirer would send them, signed with the secret that it was given."""

import json
import time
from typing import Any

from nostro.wire.webhook_signature import sign


def body(reference: str, number: str, **changes: Any) -> bytes:
    """What the sandbox says of an approved sale of 20 dollars."""
    fields = {
        "id": number, "outcome": "approved", "reference": reference, "state": "approved",
        "acquirer_reference": "sbx_1", "amount": 2_000, "currency": "usd",
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


def signed(told: bytes, secret: str, at: int | None = None) -> str:
    """The header."""
    return sign(told, [secret], int(time.time()) if at is None else at)
