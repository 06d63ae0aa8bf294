"""The table of notifications."""

from __future__ import annotations

from nostro.kernel.queries import load
from nostro.kernel.table import Table
from nostro.notifications.model import Note

QUERIES = load("nostro.notifications")
NOTES = Table(
    "notifications", Note, QUERIES, mutable=("state", "reason"), audited="state", about="reference"
)
