"""The values of the vault. None of them holds a card number that can be read without a key."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import SystemTime


class CardFacts(msgspec.Struct, frozen=True):
    """What may be known of a card by everyone (PCI DSS 3.4.1: at most the BIN and the last four).

    `country` is ISO 3166 alpha-2, None if unknown; `funding` is credit, debit, prepaid or unknown.
    """

    brand: str
    funding: str
    country: str | None
    iin: str
    last4: str
    exp_month: int
    exp_year: int


class SealedCard(msgspec.Struct, frozen=True):
    """A row of `vault_cards`: the sealed number and what may be known of the card."""

    token: str
    account: str
    ciphertext: bytes
    data_key_id: str
    fingerprint: str
    brand: str
    funding: str
    country: str | None
    iin: str
    last4: str
    exp_month: int
    exp_year: int

    @property
    def facts(self) -> CardFacts:
        """The part that may leave the vault."""
        return CardFacts(
            self.brand,
            self.funding,
            self.country,
            self.iin,
            self.last4,
            self.exp_month,
            self.exp_year,
        )


class WrappedDataKey(msgspec.Struct, frozen=True):
    """A row of `vault_data_keys`: a data key under the key-encryption key named by `kek_id`."""

    id: str
    wrapped: bytes
    kek_id: str
    created_ms: SystemTime
