"""Every small world has one outcome: the plain ledger, the fold and the database agree on it.

A bug that needs more than three accounts or four transfers is rare; one that needs fewer has nowhere to hide here.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Limits
from nostro.ledger import Ledger, Refusal
from nostro.ledger.fold import Fold
from tests.db.sheets import ask, conserved
from tests.ledger.books import NOW, SetClock, a_ledger
from tests.ledger.plain import PlainLedger
from tests.ledger.replaying import replayed
from tests.ledger.worlds import CODES, THEMES, Chains, Theme, any_world, changes, moved, words

FOUND_BY_MANY = {*Refusal} - {Refusal.BALANCE_TOO_LARGE, Refusal.LIMITS_DIFFER}


def a_fold(limits: dict[str, Limits]) -> Fold:
    fold = Fold({}, {}, 1, 1, NOW)
    for change in changes(limits):
        assert fold.limit(change) is None
    return fold


def a_plain_ledger(limits: dict[str, Limits], prefix: str = "") -> PlainLedger:
    plain = PlainLedger(NOW)
    for change in changes(limits, prefix):
        plain.limit(change.account, change.currency, change.limits)
    return plain


def agree(limits: dict[str, Limits], chains: Chains) -> list[Any]:
    """Outcomes one by one, then counters, holds, openings, and how what was refused lies between the rest."""
    fold, plain = a_fold(limits), a_plain_ledger(limits)
    told = []
    for chain in chains:
        expected = plain.post(chain)
        found = fold.post_each(chain)
        assert found == expected, (limits, chains)
        told += found
    accounts = {code: found.counters() for code, found in fold.accounts.items()}
    assert accounts == {code: plain.counters(code) for code in plain.currencies}, chains
    holds = {key: hold.remaining for key, hold in fold.holds.items()}
    assert holds == plain.holds(), chains
    assert all(hold.open == (hold.remaining > 0) for hold in fold.holds.values())
    posted = [(found.transfer, found.posted, found.pending) for found in fold.posted]
    assert posted == plain.done
    rejected = {found.transfer.id: found.reason for found in fold.rejected}
    assert rejected == {key: why for key, (_, why) in plain.told.items() if why is not None}
    numbers = sorted(found.number for found in fold.accounts.values())
    assert numbers == list(range(1, fold.next_number))
    return told


def agreed(worlds: Iterable[tuple[dict[str, Limits], Chains]]) -> collections.Counter[Any]:
    told: collections.Counter[Any] = collections.Counter()
    for limits, chains in worlds:
        told.update(agree(limits, chains))
        told["worlds"] += 1
    return told


COUNTS = {"money": 84_210, "holds": 84_210, "time": 84_210}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_world_of_an_alphabet(theme: Theme, record_property: pytest.RecordProperty) -> None:
    told = agreed((theme.limits, chains) for chains in words(theme, 4))
    assert told["worlds"] == COUNTS[theme.name]
    record_property("worlds", told["worlds"])
    assert told[None] > 30_000


def test_worlds_of_any_letters() -> None:
    chance = random.Random(20)
    told = agreed(any_world(chance, 8) for _ in range(20_000))
    assert set(told) == {"worlds", None, *FOUND_BY_MANY}
    assert all(count > 10 for count in told.values()), told


SQL_WORLDS = 4_000
_numbers = itertools.count()


def some_worlds(chance: random.Random) -> list[tuple[dict[str, Limits], Chains]]:
    """Of each alphabet some words of four letters, and as many of any letters."""
    worlds: list[tuple[dict[str, Limits], Chains]] = []
    for theme in THEMES:
        every = list(itertools.islice(words(theme, 4), 4_210, None, 7))
        chosen = chance.sample(every, SQL_WORLDS // 6)
        worlds += [(theme.limits, chains) for chains in chosen]
    return worlds + [any_world(chance) for _ in range(SQL_WORLDS // 2)]


class Placed:
    """A world in a book it shares with others: with ids and codes of its own."""

    def __init__(
        self, ledger: Ledger, number: int, limits: dict[str, Limits], chains: Chains
    ) -> None:
        names = [found.id for chain in chains for found in chain]
        names += [found.hold for chain in chains for found in chain if found.hold]
        ids = {name: ledger.new_transfer_id() for name in names}
        self.prefix, self.limits = f"w{number}:", limits
        self.chains = moved(chains, self.prefix, ids)
        self.plain = a_plain_ledger(limits, self.prefix)

    async def open(self, ledger: Ledger) -> None:
        for change in changes(self.limits, self.prefix):
            most = change.limits
            code, currency = change.account, change.currency
            opened = ledger.open_account(code, currency, most.overdraft_max, most.overcredit_max)
            assert await opened is None

    def expected(self) -> list[Any]:
        return [outcome for chain in self.chains for outcome in self.plain.post(chain)]


def cut(chains: Chains, chance: random.Random) -> list[Chains]:
    """Calls of at most 1,000 transfers, some much smaller."""
    calls: list[Chains] = []
    rest = list(chains)
    while rest:
        calls.append(rest[: chance.choice([1, 7, 60, 250])])
        del rest[: len(calls[-1])]
    return calls


async def same_in_tables(urls: ConnectionUrls, worlds: list[Placed]) -> None:
    """Counters and holds as stored are those of the plain ledgers."""
    counters = {code: tuple(row) for code, *row in await ask(urls, _COUNTERS)}
    holds = dict(await ask(urls, _HOLDS))
    expected = {
        code: world.plain.counters(code) for world in worlds for code in world.plain.currencies
    }
    assert {code: counters[code] for code in expected} == expected
    for world in worlds:
        left = world.plain.holds()
        assert {key: holds[key] for key in left} == left


_COUNTERS = """
SELECT code, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts
"""
_HOLDS = "SELECT replace(hold_id::text, '-', ''), remaining FROM nostro.holds"


def test_thousands_of_worlds_in_one_book(database: ConnectionUrls) -> None:
    """Interleaved, in calls and batches of any size; then all of it decided again from the tables."""
    chance = random.Random(7)

    async def play() -> None:
        async with a_ledger(database, SetClock()) as ledger:
            worlds = [Placed(ledger, n, *found) for n, found in enumerate(some_worlds(chance))]
            await asyncio.gather(*(world.open(ledger) for world in worlds))
            turns = [list(world.chains) for world in worlds]
            order = [n for n, turn in enumerate(turns) for _ in turn]
            chance.shuffle(order)
            calls = cut([turns[number].pop(0) for number in order], chance)
            told = await asyncio.gather(*(ledger.post(call) for call in calls))
            outcomes = iter([outcome for answer in told for outcome in answer])
            by_world: dict[int, list[Any]] = collections.defaultdict(list)
            chains = iter([chain for call in calls for chain in call])
            for number in order:
                by_world[number] += [next(outcomes) for _ in next(chains)]
            for number, world in enumerate(worlds):
                assert by_world[number] == world.expected(), world.chains
            await same_in_tables(database, worlds)
            await conserved(database)
            accepted, refused = await replayed(database)
            assert accepted > 2_000 and refused > 3_000 and len(worlds) > 3_990

    asyncio.run(asyncio.wait_for(play(), 120))


@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_history_may_be_cut_anywhere(
    database: ConnectionUrls, chance: random.Random, length: int
) -> None:
    """One world with a long history, in calls and batches of any size, some of them repeated."""

    async def play() -> None:
        async with a_ledger(database, SetClock()) as ledger:
            world = Placed(ledger, next(_numbers), *any_world(chance, length))
            await world.open(ledger)
            expected = world.expected()
            calls = cut(world.chains, chance)
            told = []
            while calls:
                now = [calls.pop(0) for _ in range(min(len(calls), chance.randint(1, 4)))]
                for answer in await asyncio.gather(*(ledger.post(call) for call in now)):
                    told += answer
            assert told == expected
            assert await ledger.post(world.chains) == [
                outcome for chain in world.chains for outcome in world.plain.post(chain)
            ]
            await same_in_tables(database, [world])

    asyncio.run(asyncio.wait_for(play(), 30))


def test_the_accounts_of_a_world_are_three() -> None:
    used = {
        code for theme in THEMES for found in theme.letters for code in (found.debit, found.credit)
    }
    assert used == {*CODES}
