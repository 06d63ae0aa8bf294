"""Accounts that must clear: what goes in under a subject has to come out under the same one, by a limit of its kind.

An item is one subject in one such account, from the entry that takes it away from zero to the one that brings it back;
what moves again afterwards is a new item.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from nostro.kernel.clock import DAY, HOUR
from nostro.kernel.ports import Reader
from nostro.ledger import sides
from nostro.ledger.accounts import LedgerAccount, list_accounts
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.position import QUERIES, position

ENTRIES_AT_ONCE = 10_000
ACCOUNTS_AT_ONCE = 500


class Clearing(msgspec.Struct, frozen=True):
    """A kind of account that must clear: how its codes look, and by when an item is back at zero.

    `held`: what holds reserve counts as if it were posted.
    """

    name: str
    prefix: str
    pattern: re.Pattern[str]
    limit_ms: int
    held: bool = False


# The one table of limits. Card processors settle within two banking days, which a long weekend makes five; disputes are
# decided within the schemes' 120 days; banks state each day; an unknown outcome is resolved by inquiry the same day.
KINDS = (
    Clearing("clearing", "acquirer:", re.compile(r"acquirer:[^:]+:clearing:\w+"), 5 * DAY),
    Clearing("disputes", "acquirer:", re.compile(r"acquirer:[^:]+:disputes:\w+"), 120 * DAY),
    Clearing("incoming", "bank:", re.compile(r"bank:[^:]+:incoming:\w+"), 3 * DAY),
    Clearing("outgoing", "bank:", re.compile(r"bank:[^:]+:outgoing:\w+"), 3 * DAY),
    Clearing("suspense", "suspense:", re.compile(r"suspense:.+"), 1 * DAY),
    Clearing("in_doubt", "merchant:", re.compile(r"merchant:[^:]+:in_doubt:\w+"), 1 * HOUR, True),
    Clearing("interbook", "interbook:", re.compile(r"interbook:[^:]+:[^:]+:\w+"), 1 * DAY),
)


class Item(msgspec.Struct):
    """One item, open or cleared. Minor units; `amount` is what is left, positive on the account's normal side.

    `volume` is the larger of all its debits and all its credits: what there was to clear.
    """

    kind: str
    account: str
    currency: str
    subject: str
    since_ms: int
    limit_ms: int
    debits: int = 0
    credits: int = 0
    cleared_ms: int | None = None

    @property
    def amount(self) -> int:
        """What is left to clear."""
        return sides.signed(self.account, self.debits, self.credits)

    @property
    def volume(self) -> int:
        """What there was to clear."""
        return max(self.debits, self.credits)

    def age_ms(self, now_ms: int) -> int:
        """How long it was open, or has been."""
        return (now_ms if self.cleared_ms is None else self.cleared_ms) - self.since_ms

    def overdue(self, now_ms: int) -> bool:
        """Whether it is open, or was, for longer than its kind allows."""
        return self.age_ms(now_ms) > self.limit_ms


def kind_of(code: str) -> Clearing | None:
    """The kind of an account that must clear; None of any other."""
    return next((kind for kind in KINDS if kind.pattern.fullmatch(code)), None)


async def items(
    reader: Reader,
    book: int,
    at_ms: int | None = None,
    told: Callable[[int], None] = lambda entries: None,
) -> AsyncIterator[Item]:
    """Every item by an instant (None: now): the cleared as they clear, an account's open ones at its end.

    Reads every entry of these accounts, ten thousand at a time; `told` hears of each ten thousand.
    """
    seq = await position(reader, book, at_ms)
    async for account, kind in _accounts(reader, book):
        [balance] = await balances_as_of(reader, book, [(account.number, seq)])
        open_items: dict[str, Item] = {}
        for low in range(0, balance.version, ENTRIES_AT_ONCE):
            high = min(low + ENTRIES_AT_ONCE, balance.version)
            rows = await reader.fetch(QUERIES["movements"], book, account.number, low, high)
            for item in _moved(account, kind, open_items, rows):
                yield item
            told(high - low)
        for item in open_items.values():
            yield item


async def _accounts(reader: Reader, book: int) -> AsyncIterator[tuple[LedgerAccount, Clearing]]:
    for prefix in dict.fromkeys(kind.prefix for kind in KINDS):
        after, more = "", True
        while more:
            page = await list_accounts(reader, book, prefix, after=after, limit=ACCOUNTS_AT_ONCE)
            for account in page.accounts:
                if (kind := kind_of(account.code)) is not None:
                    yield account, kind
                after = account.code
            more = page.has_more


def _moved(
    account: LedgerAccount, kind: Clearing, open_items: dict[str, Item], rows: list[tuple[Any, ...]]
) -> Iterator[Item]:
    """Apply entries in order; gives the items that came to zero."""
    for subject, at_ms, side, posted, pending in rows:
        amount = posted + pending if kind.held else posted
        if amount == 0:
            continue
        item = open_items.get(subject)
        if item is None:
            item = open_items[subject] = Item(
                kind.name, account.code, account.currency, subject, at_ms, kind.limit_ms
            )
        # A hold that is released takes back what it had brought: the other side, not less of its own.
        if (side == "d") == (amount > 0):
            item.debits += abs(amount)
        else:
            item.credits += abs(amount)
        if item.debits == item.credits:
            item.cleared_ms = at_ms
            yield open_items.pop(subject)
