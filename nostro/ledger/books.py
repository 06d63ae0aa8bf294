"""A book begins with its head."""

from __future__ import annotations

from nostro.kernel.ports import ReferenceStore
from nostro.ledger.store import QUERIES


async def open_book(store: ReferenceStore, book: int) -> None:
    """Make the head of a book. Idempotent: opening it again changes nothing."""
    await store.write(QUERIES["open_book"], book)
