"""Card numbers in use: sealed when they come in, opened for the acquirer, and never seen in between.

A card security code is kept in memory alone, for a short while, until the first authorization asks for it.
"""

from __future__ import annotations

from datetime import date

from nostro.kernel.clock import MINUTE, SystemTime
from nostro.kernel.errors import OurMistake
from nostro.kernel.ids import Mint
from nostro.kernel.ports import CardDetails, Clock, Entropy, Reader, ReferenceStore
from nostro.kernel.secret import Cvc, Pan
from nostro.vault.cards import card_facts
from nostro.vault.model import SealedCard, WrappedDataKey
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import DataKeyUnknown, Vault
from nostro.vault.store import CARDS, QUERIES
from nostro.vault.test_cards import BY_TOKEN, facts_in_test_book

CVC_KEPT_MS = 15 * MINUTE
CVCS_KEPT_MAX = 10_000


class CardVault:
    """What payments and the API need of the vault."""

    def __init__(
        self,
        vault: Vault,
        presealed: PresealedCards,
        reader: Reader,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._vault, self._presealed, self._reader = vault, presealed, reader
        self._clock, self._entropy = clock, entropy
        self._cvcs: dict[str, tuple[SystemTime, Cvc]] = {}

    def magic(self, token: str, owner: str) -> SealedCard | None:
        """A test card by its token, with the fingerprint it has for this account."""
        found = self._presealed.find(token)
        if found is None:
            return None
        return _owned(found, owner, self._presealed.fingerprint(token, owner))

    def seal(
        self, book: int, live: bool, card: CardDetails, owner: str, keep_cvc: bool
    ) -> SealedCard:
        """Seal a number for its owner under a fresh token. The caller stores the row with its command."""
        describe = card_facts if live else facts_in_test_book
        facts = describe(card.number, card.exp_month, card.exp_year)
        token = Mint(self._entropy.bytes(16), book, self._clock.system()).new("card")
        if keep_cvc and card.cvc is not None:
            self._keep_cvc(token, card.cvc)
        return self._vault.seal(card.number, facts, owner, token)

    async def details(self, book: int, token: str, month: int, year: int) -> CardDetails:
        """What the acquirer needs of a stored card."""
        sealed = self._presealed.find(token) if token in BY_TOKEN else await self._read(book, token)
        return CardDetails(await self._open(sealed), month, year, self._take_cvc(token))

    async def _read(self, book: int, token: str) -> SealedCard:
        rows = await self._reader.fetch(CARDS.read, book, [token])
        if not rows:
            raise OurMistake(f"the vault has no card {token}")
        return CARDS.decode(rows[0])

    async def _open(self, sealed: SealedCard | None) -> Pan:
        assert sealed is not None, "a magic token is always in the table"
        try:
            return self._vault.open(sealed)
        except DataKeyUnknown:
            await self.load_data_keys()
            return self._vault.open(sealed)

    def tokens_with_cvc(self) -> frozenset[str]:
        """Cards whose security code is still in memory: an attempt that takes it cannot be repeated."""
        return frozenset(self._cvcs)

    async def open_for_business(self, store: ReferenceStore) -> None:
        """Read the data keys and make a durable one of this process's own to seal under."""
        await self.load_data_keys()
        key = self._vault.new_data_key(self._clock.system())
        await store.write(
            QUERIES["insert_data_key"], key.id, key.wrapped, key.kek_id, key.created_ms
        )
        self._vault.use(key)

    async def load_data_keys(self) -> None:
        """Read every wrapped data key; those of other processes too."""
        rows = await self._reader.fetch(QUERIES["read_data_keys"])
        self._vault.load([WrappedDataKey(row[0], row[1], row[2], row[3]) for row in rows])

    def _keep_cvc(self, token: str, cvc: Cvc) -> None:
        now = self._clock.system()
        if len(self._cvcs) >= CVCS_KEPT_MAX:
            self._cvcs = {t: kept for t, kept in self._cvcs.items() if kept[0] > now}
        if len(self._cvcs) < CVCS_KEPT_MAX:
            self._cvcs[token] = (SystemTime(now + CVC_KEPT_MS), cvc)

    def _take_cvc(self, token: str) -> Cvc | None:
        kept = self._cvcs.pop(token, None)
        return kept[1] if kept and kept[0] > self._clock.system() else None


def _owned(card: SealedCard, owner: str, fingerprint: str) -> SealedCard:
    return SealedCard(
        card.token, owner, card.ciphertext, card.data_key_id, fingerprint, card.brand,
        card.funding, card.country, card.iin, card.last4, card.exp_month, card.exp_year,
    )  # fmt: skip


def today(clock: Clock) -> date:
    """The day of business time, UTC."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + clock.business() // 86_400_000)
