"""What a book committed, folded again from nothing, gives what the book stores."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.db.urls import ConnectionUrls
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.errors import LedgerRefused
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger.fold import Fold
from tests.db.fault_proxy import Cut, fault_proxy
from tests.db.sheets import BOOK, ask, conserved, seed, sheet_on

CODES = ("a", "b", "c")


class Post(msgspec.Struct, frozen=True):
    """A chain of transfers; the answer is their ids."""

    chain: tuple[Transfer, ...]
    book: int = BOOK
    seed: bytes = msgspec.field(default_factory=seed)

    def reads(self) -> Reads:
        return Reads((), CODES, [found.hold for found in self.chain if found.hold])

    def decide(self, view: View) -> Decision[list[Transfer]]:
        posted = [replace(found, id=view.mint.transfer_id()) for found in self.chain]
        return Decision(posted, transfers=posted)


def invented(chance: random.Random, holds: list[Transfer]) -> Transfer:
    kind = chance.choice([Kind.SINGLE, Kind.HOLD, *Kind])
    debit, credit = chance.sample(CODES, 2)
    if kind in (Kind.SINGLE, Kind.HOLD) or not holds:
        kind = Kind.HOLD if kind is Kind.HOLD else Kind.SINGLE
        return Transfer("", kind, debit, credit, chance.randint(0, 30), "usd", "t", "s")
    hold = chance.choice(holds)
    amount = hold.amount if kind is not Kind.CAPTURE else chance.randint(1, 9)
    final = kind is Kind.CAPTURE and chance.random() < 0.3
    return Transfer("", kind, hold.debit, hold.credit, amount, "usd", "t", "s", hold.id, final)


COMMITTED = """
SELECT replace(t.transfer_id::text, '-', ''), t.kind, d.code, c.code, t.amount, t.currency,
    t.code, t.subject, replace(t.hold_id::text, '-', ''), t.final
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON t.credit_account = c.account_no
ORDER BY t.seq
"""
ACCOUNTS = """
SELECT code, debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts
"""
HOLDS = "SELECT replace(hold_id::text, '-', ''), remaining, open FROM nostro.holds"


def folded(rows: list[tuple[Any, ...]]) -> Fold:
    fold = Fold({}, {}, 1)
    for identifier, kind, *rest in rows:
        assert fold.post_chain([Transfer(identifier, Kind(kind), *rest)]) is None
    return fold


async def history(urls: ConnectionUrls, chance: random.Random) -> tuple[int, int]:
    """Clients of two committers, one behind a bad line; returns how many chains were accepted and refused."""
    accepted = refused = 0
    async with (
        fault_proxy(urls.app) as proxy,
        sheet_on(urls) as one,
        sheet_on(urls, proxy.url) as other,
    ):
        holds: list[Transfer] = []

        async def client(number: int) -> None:
            nonlocal accepted, refused
            for _ in range(20):
                proxy.cuts = [chance.choice([*Cut][:3])] if chance.random() < 0.03 else []
                chain = [invented(chance, holds) for _ in range(chance.randint(1, 3))]
                try:
                    posted = await (one, other)[number % 2].committer.run(Post(tuple(chain)))
                except LedgerRefused:
                    refused += 1
                else:
                    accepted += 1
                    holds.extend(found for found in posted if found.kind is Kind.HOLD)

        await asyncio.gather(*(client(number) for number in range(30)))
    return accepted, refused


def test_replaying_a_book_gives_its_balances(database: ConnectionUrls) -> None:
    async def play() -> None:
        accepted, refused = await history(database, random.Random(1))
        assert accepted > 100 and refused > 50
        await conserved(database)
        burned = await ask(database, "SELECT transfer_id::text FROM nostro.rejections")
        posted = await ask(database, "SELECT transfer_id::text FROM nostro.transfers")
        assert len(burned) >= refused and not {*burned} & {*posted}
        fold = folded(await ask(database, COMMITTED))
        stored = {code: tuple(counters) for code, *counters in await ask(database, ACCOUNTS)}
        assert stored == {code: found.counters() for code, found in fold.accounts.items()}
        holds = {key: (remaining, open) for key, remaining, open in await ask(database, HOLDS)}
        assert holds == {key: (found.remaining, found.open) for key, found in fold.holds.items()}

    asyncio.run(asyncio.wait_for(play(), 40))
