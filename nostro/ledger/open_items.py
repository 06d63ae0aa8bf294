"""What has not cleared yet, and the score: the open items of every account that must clear, the oldest first."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from nostro.kernel.ports import Reader
from nostro.ledger import trial_balance
from nostro.ledger.clearing import Item, items
from nostro.ledger.explainability import Score, Tally


class OpenItems(msgspec.Struct, frozen=True):
    """Open items as of an instant (business time, milliseconds), and the score of each currency."""

    at_ms: int
    items: list[Item]
    scores: dict[str, Score]


async def open_items(
    reader: Reader, book: int, at_ms: int, told: Callable[[int], None] = lambda entries: None
) -> OpenItems:
    """Ask which items are open at an instant. Reads every entry of the accounts that must clear."""
    found: list[Item] = []
    tallies: dict[str, Tally] = {}
    async for item in items(reader, book, at_ms, told):
        tallies.setdefault(item.currency, Tally()).add(item, at_ms)
        if item.cleared_ms is None:
            found.append(item)
    _, totals = await trial_balance.trial_balance(reader, book, at_ms)
    scores = {
        currency: tallies.get(currency, Tally()).score(total.debits_posted)
        for currency, total in totals.items()
    }
    found.sort(key=lambda item: (item.since_ms, item.account, item.subject))
    return OpenItems(at_ms, found, scores)
