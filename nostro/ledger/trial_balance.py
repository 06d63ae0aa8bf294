"""The trial balance: what every account holds, per currency, and that debits equal credits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.ledger.accounts import list_accounts
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.position import position

ACCOUNTS_AT_ONCE = 500


class Line(msgspec.Struct, frozen=True):
    """One account's counters, in minor units."""

    code: str
    currency: str
    balance: Balance


class Totals(msgspec.Struct):
    """Sums over the accounts of one currency, in minor units."""

    accounts: int = 0
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def equal(self) -> bool:
        """Whether the two sides agree, of what is posted and of what is held."""
        return (self.debits_posted, self.debits_pending) == (
            self.credits_posted, self.credits_pending,
        )  # fmt: skip

    def add(self, balance: Balance) -> None:
        """Count one more account."""
        self.accounts += 1
        self.debits_posted += balance.debits_posted
        self.credits_posted += balance.credits_posted
        self.debits_pending += balance.debits_pending
        self.credits_pending += balance.credits_pending


async def lines(
    reader: Reader, book: int, at_ms: int | None = None, prefix: str = ""
) -> AsyncIterator[list[Line]]:
    """Accounts that had entries by an instant (None: now), by code, some hundreds at a time: all as of one transfer."""
    seq, after, more = await position(reader, book, at_ms), "", True
    while more:
        page = await list_accounts(reader, book, prefix, after=after, limit=ACCOUNTS_AT_ONCE)
        more = page.has_more
        if not page.accounts:
            return
        after = page.accounts[-1].code
        balances = await balances_as_of(reader, book, [(a.number, seq) for a in page.accounts])
        yield [
            Line(account.code, account.currency, balance)
            for account, balance in zip(page.accounts, balances, strict=True)
            if balance.version > 0
        ]


async def trial_balance(
    reader: Reader, book: int, at_ms: int | None = None
) -> tuple[list[Line], dict[str, Totals]]:
    """Every line, and the totals by currency."""
    found: list[Line] = []
    totals: dict[str, Totals] = {}
    async for some in lines(reader, book, at_ms):
        found += some
        for line in some:
            totals.setdefault(line.currency, Totals()).add(line.balance)
    return found, totals
