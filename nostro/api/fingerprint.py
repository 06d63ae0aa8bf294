"""The fingerprint of a request's parameters, for idempotency (DESIGN §3.4).

Card numbers enter as their vault fingerprint, security codes not at all, so that nothing stored can tell them.
"""

from __future__ import annotations

import hmac
from typing import Any, Protocol

import msgspec

from nostro.kernel.secret import Pan, Secret
from nostro.wire.form import Form, FormValue

_encode = msgspec.json.Encoder(order="sorted").encode


class Fingerprinter(Protocol):
    """Names a card number without telling it."""

    def fingerprint(self, pan: Pan, owner: str) -> str: ...


class RequestFingerprint:
    """HMAC-SHA-256 over method, path and parsed parameters."""

    def __init__(self, key: Secret, cards: Fingerprinter) -> None:
        self._key, self._cards = key.reveal().encode(), cards

    def of(self, endpoint: str, form: Form, account: str) -> bytes:
        """32 bytes; the same for the same request, whatever the order of its parameters."""
        safe = self._without_cards(form, account) if _may_hold_card(form) else form
        return hmac.digest(self._key, endpoint.encode() + b"\n" + _encode(safe), "sha256")

    def _without_cards(self, value: FormValue, account: str) -> Any:
        if isinstance(value, list):
            return [self._without_cards(item, account) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._cards.fingerprint(Pan(item), account)
            if name == "number" and isinstance(item, str)
            else self._without_cards(item, account)
            for name, item in value.items()
            if name != "cvc"
        }


def _may_hold_card(form: Form) -> bool:
    return "payment_method_data" in form or "card" in form
