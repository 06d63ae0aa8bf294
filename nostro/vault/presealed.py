"""Test cards sealed once per process, so that paying with `pm_card_visa` costs no cryptography.

A payment method made from a magic token keeps that token as its vault token: there is no row to
write, and any process opens it again after a crash because the table of test cards is code.

One rule: the caller asks for these in a test book only.
"""

from __future__ import annotations

from datetime import date

from nostro.kernel.secret import Pan
from nostro.vault.model import SealedCard
from nostro.vault.sealing import Vault
from nostro.vault.test_cards import BY_TOKEN, facts_in_test_book, far_expiry

OWNER = "acct_test_cards"
_MOST_FINGERPRINTS = 65_536


class PresealedCards:
    """Magic tokens as sealed cards. Each is sealed at its first use."""

    __slots__ = ("_fingerprints", "_sealed", "_today", "_vault")

    def __init__(self, vault: Vault, today: date) -> None:
        self._vault = vault
        self._today = today
        self._sealed: dict[str, SealedCard] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}

    def find(self, token: str) -> SealedCard | None:
        """The sealed card of a magic token, owned by `OWNER`; None for any other token."""
        return self._sealed.get(token) or self._seal(token)

    def fingerprint(self, token: str, owner: str) -> str:
        """What `Vault.fingerprint` says of this magic token's number for `owner`, remembered."""
        found = self._fingerprints.get((token, owner))
        if found is None:
            found = self._vault.fingerprint(Pan(BY_TOKEN[token].number), owner)
            if len(self._fingerprints) >= _MOST_FINGERPRINTS:
                self._fingerprints.clear()
            self._fingerprints[token, owner] = found
        return found

    def _seal(self, token: str) -> SealedCard | None:
        card = BY_TOKEN.get(token)
        if card is None:
            return None
        number = Pan(card.number)
        facts = facts_in_test_book(number, *far_expiry(self._today))
        sealed = self._vault.seal(number, facts, OWNER, token)
        return self._sealed.setdefault(token, sealed)
