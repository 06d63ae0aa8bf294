"""A program that posts what it reads: eight writers over one committer, each repeating it all in an order of its own."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

import msgspec

from nostro.db.urls import ConnectionUrls
from nostro.ledger import Transfer
from tests.ledger.books import a_ledger

WRITERS = 8
Chains = list[list[Transfer]]


async def work(urls: ConnectionUrls, chains: Chains, chance: random.Random) -> Any:
    """Outcomes by the chain's number, writer by writer. What is posted together is cut anew each time."""
    async with a_ledger(urls) as ledger:

        async def writer() -> dict[int, Any]:
            told: dict[int, Any] = {}
            order = list(range(len(chains)))
            chance.shuffle(order)
            while order:
                now = [order.pop() for _ in range(min(len(order), chance.randint(1, 12)))]
                outcomes = iter(await ledger.post([chains[number] for number in now]))
                for number in now:
                    told[number] = [next(outcomes) for _ in chains[number]]
            return told

        return await asyncio.gather(*(writer() for _ in range(WRITERS)))


def main() -> None:
    given = json.load(sys.stdin)
    chains = msgspec.convert(given["chains"], Chains)
    urls = ConnectionUrls(given["url"], given["url"], given["url"])
    told = asyncio.run(work(urls, chains, random.Random(given["seed"])))
    print(msgspec.json.encode(told).decode())


if __name__ == "__main__":
    main()
