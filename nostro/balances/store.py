"""The tables of balances."""

from __future__ import annotations

from nostro.balances.model import AvailableDay, BalanceTransaction
from nostro.kernel.queries import load
from nostro.kernel.table import Table

QUERIES = load("nostro.balances")
TRANSACTIONS = Table("balance_transactions", BalanceTransaction, QUERIES, listed=True)
DAYS = Table("available_days", AvailableDay, QUERIES, mutable=("net", "released"))
