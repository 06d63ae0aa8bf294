"""Accounts, holds and days of effect as a history makes them, and how to take a step of it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nostro.kernel.posting import Hold, LimitChange, Limits
from nostro.ledger.days import day_of
from nostro.ledger.fold import Account, Counters, Fold
from nostro.verification.rows import Row
from nostro.verification.steps import BatchRows, Codes


class World:
    """Accounts, holds and days of effect, as the history so far has made them. Ids are 16 bytes."""

    def __init__(self, codes: Codes, currencies: dict[int, str]) -> None:
        self.codes, self.currencies = codes, currencies
        self.accounts: dict[str, Account] = {}
        self.holds: dict[str, Hold] = {}
        self.days: dict[tuple[int, int], list[int]] = {}
        self.next_number = 1
        self.last_seq = 0
        self.doubts: dict[int, tuple[int, ...]] = {}

    def fold(self, first_transfer: int, at_ms: int) -> Fold:
        """A fold that moves this world."""
        return Fold(self.accounts, self.holds, self.next_number, first_transfer, at_ms)

    def limit_change(self, row: Row) -> LimitChange:
        """A row of `stream_limit_changes` as it was asked for."""
        number = row[3]
        return LimitChange(
            self.codes[number], self.currencies.get(number, ""), Limits(row[4], row[5])
        )

    def touched(self, rows: BatchRows) -> list[Account]:
        """The accounts that a batch moved or limited, by number."""
        numbers = {row[3] for row in rows.limits}
        for row in rows.transfers:
            numbers.add(row[11])
            numbers.add(row[12])
        codes, accounts = self.codes, self.accounts
        found = [accounts.get(codes[number]) for number in numbers]
        return sorted((a for a in found if a is not None), key=lambda account: account.number)

    def displace(self, rows: Sequence[Row], at_ms: int) -> None:
        """Keep what counts for another day than the one it was recorded on."""
        today = day_of(at_ms)
        for row in rows:
            if row[9] != today and isinstance(row[7], int) and row[7]:
                for day, amount in ((row[9], row[7]), (today, -row[7])):
                    self.days.setdefault((row[11], day), [0, 0])[0] += amount
                    self.days.setdefault((row[12], day), [0, 0])[1] += amount


class Before:
    """The part of a world that some rows may change, so that it can be put back."""

    def __init__(self, world: World, codes: Iterable[str], holds: Iterable[str]) -> None:
        self._world, self._next, self._count = world, world.next_number, len(world.accounts)
        found = map(world.accounts.get, codes)
        self._accounts: list[tuple[Account, Counters, int | None, int | None]] = [
            (a, a.counters(), a.overdraft_max, a.overcredit_max) for a in found if a is not None
        ]
        self._holds = [(identifier, world.holds.get(identifier)) for identifier in holds]

    def put_back(self) -> None:
        """As it was."""
        world = self._world
        for account, counters, overdraft_max, overcredit_max in self._accounts:
            account.restore(counters)
            account.overdraft_max, account.overcredit_max = overdraft_max, overcredit_max
        while len(world.accounts) > self._count:  # the newest are the last
            world.accounts.popitem()
        world.next_number = self._next
        for identifier, hold in self._holds:
            if hold is None:
                world.holds.pop(identifier, None)
            else:
                world.holds[identifier] = hold


def before(world: World, rows: BatchRows) -> Before:
    """What a batch may change."""
    codes = {world.codes[row[11]] for row in rows.transfers}
    codes.update([world.codes[row[12]] for row in rows.transfers])
    holds = [row[3] or row[1] for row in rows.transfers if row[4] != "single"]
    if rows.rejections or rows.limits:
        codes.update([world.codes[row[3]] for row in rows.limits])
        codes.update([code for row in rows.rejections for code in row[11:13]])
        holds += [row[5] or row[3] for row in rows.rejections]
    return Before(world, codes, holds)
