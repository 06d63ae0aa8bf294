"""An account's balance explained: what each transfer code, and each subject, adds to it. The parts sum to the balance."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from nostro.kernel.ports import Reader
from nostro.kernel.posting import Balance
from nostro.ledger import sides
from nostro.ledger.accounts import LedgerAccount
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.position import QUERIES, position

ENTRIES_AT_ONCE = 10_000


class Part(msgspec.Struct):
    """What some entries come to. Minor units; `amount` and `pending` are positive on the account's normal side."""

    entries: int = 0
    debits: int = 0
    credits: int = 0
    amount: int = 0
    pending: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, other: Part) -> None:
        """Take another part in."""
        self.entries += other.entries
        self.debits += other.debits
        self.credits += other.credits
        self.amount += other.amount
        self.pending += other.pending
        self.first_ms = other.first_ms if self.first_ms is None else self.first_ms
        self.last_ms = other.last_ms


class Breakdown(msgspec.Struct, frozen=True):
    """A balance and its parts, by code and by subject. The amounts of either sum to `sides.posted(balance)`."""

    account: str
    currency: str
    balance: Balance
    by_code: dict[str, Part]
    by_subject: dict[str, Part]


async def break_down(
    reader: Reader,
    book: int,
    account: LedgerAccount,
    at_ms: int | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Breakdown:
    """Explain a balance, now or at an instant. Reads every entry, ten thousand at a time; `told` hears how far it is."""
    seq = await position(reader, book, at_ms)
    [balance] = await balances_as_of(reader, book, [(account.number, seq)])
    codes: dict[str, Part] = {}
    subjects: dict[str, Part] = {}
    for low in range(0, balance.version, ENTRIES_AT_ONCE):
        high = min(low + ENTRIES_AT_ONCE, balance.version)
        rows = await reader.fetch(QUERIES["sums_of_entries"], book, account.number, low, high)
        for code, subject, *sums in rows:
            part = _part(account.code, *sums)
            codes.setdefault(code, Part()).add(part)
            subjects.setdefault(subject, Part()).add(part)
        told(high, balance.version)
    return Breakdown(account.code, account.currency, balance, codes, subjects)


def _part(
    account: str, entries: int, debits: int, credits: int, held_debits: int, held_credits: int,
    first_ms: int, last_ms: int,
) -> Part:  # fmt: skip
    amount = sides.signed(account, debits, credits)
    pending = sides.signed(account, held_debits, held_credits)
    return Part(entries, debits, credits, amount, pending, first_ms, last_ms)
