"""Two processes with eight writers each post the same ids at once: everyone is told the same, and it happened once."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger import Ledger, Refusal
from tests.db.sheets import ask, conserved
from tests.ledger.books import a_ledger, made, single
from tests.ledger.poster import WRITERS

CODES = ("a", "b", "c")


def invented(ledger: Ledger, chance: random.Random) -> list[list[Transfer]]:
    chains: list[list[Transfer]] = []
    holds: list[Transfer] = []
    for _ in range(120):
        chain = []
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            debit, credit = chance.sample(CODES, 2)
            amount = chance.randint(0, 9)
            if holds and chance.random() < 0.3:
                hold = chance.choice(holds)
                fields = {"hold": hold.id, "final": chance.random() < 0.3}
                chain.append(made(ledger, Kind.CAPTURE, hold.debit, hold.credit, amount, **fields))
            elif chance.random() < 0.3:
                holds.append(made(ledger, Kind.HOLD, debit, credit, amount + 5))
                chain.append(holds[-1])
            else:
                chain.append(single(ledger, debit, credit, amount, metadata="[1]"))
        chains.append(chain)
    return chains


async def process(urls: ConnectionUrls, chains: list[list[Transfer]], seed: int) -> Any:
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ledger.poster",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    given = {"url": urls.app, "chains": msgspec.to_builtins(chains), "seed": seed}
    output, _ = await running.communicate(json.dumps(given).encode())
    assert running.returncode == 0
    return json.loads(output)


def test_sixteen_writers_of_the_same_ids(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with a_ledger(database) as ledger:
            await ledger.open_account("a", "usd", overdraft_max=20)
            chains = invented(ledger, random.Random(4))
            one, other = await asyncio.gather(*(process(database, chains, n) for n in (1, 2)))
            writers = [*one, *other]
            assert len(writers) == 2 * WRITERS
            assert all(told == writers[0] for told in writers)
            told = [outcome for n in range(len(chains)) for outcome in writers[0][str(n)]]
            assert await ledger.post(chains) == told
            transfers = [found for chain in chains for found in chain]
            await _each_once(database, transfers, told)
            others = [replace(found, subject="other") for found in transfers]
            assert await ledger.post(others) == [Refusal.ID_TAKEN] * len(others)
            await conserved(database)

    asyncio.run(asyncio.wait_for(play(), 60))


async def _each_once(urls: ConnectionUrls, transfers: list[Transfer], told: list[Any]) -> None:
    posted = await ask(urls, "SELECT replace(transfer_id::text, '-', '') FROM nostro.transfers")
    refused = await ask(
        urls, "SELECT replace(transfer_id::text, '-', ''), reason FROM nostro.rejections"
    )
    outcomes = {**dict.fromkeys(row[0] for row in posted), **dict(refused)}
    assert len(outcomes) == len(posted) + len(refused) == len(transfers)
    assert [outcomes[found.id] for found in transfers] == told
    assert len(posted) > 40 and len(refused) > 40
