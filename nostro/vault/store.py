"""The vault's tables. Only this room knows them; a sealed card is inserted by the command that needs it."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.vault.model import SealedCard

QUERIES = load("nostro.vault")
CARDS = Table("vault_cards", SealedCard, QUERIES, key="token")
