"""The table of idempotency keys, opened by this room and the committer alone."""

from __future__ import annotations

from nostro.idempotency.model import Key
from nostro.kernel.queries import load
from nostro.kernel.table import Table

QUERIES = load("nostro.idempotency")
KEYS = Table("idempotency_keys", Key, QUERIES, mutable=("attempt", "answer"))
