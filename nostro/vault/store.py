"""The vault's table of cards as the committer sees it."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.vault.model import SealedCard

QUERIES = load("nostro.vault")
CARDS = Table("vault_cards", SealedCard, QUERIES, key="token", mutable=("exp_month", "exp_year"))
