"""How fast the full audit is: `python -m tests.verification.measure_audit 200000` posts that many transfers and times it.

With `profile` behind the number it prints where the time goes.
"""

import asyncio
import cProfile
import pstats
import random
import sys
import time

from nostro.db.pool import Pool
from nostro.db.snapshot import snapshot
from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Kind, Transfer
from nostro.ledger.commands import PostTransfers
from nostro.verification.full import audit
from nostro.verification.header_chain import Position
from nostro.verification.incremental import Auditor
from nostro.verification.outside import Outside
from tests.database import running_server
from tests.verification.driver import BOOK, Driver, mint, open_book

AT_ONCE, ACCOUNTS = 1_000, 1_000


async def post(driver: Driver, count: int) -> None:
    """Transfers between random accounts, a thousand in a batch."""
    chance = random.Random(1)
    for _ in range(0, count, AT_ONCE):
        chains = tuple((_transfer(driver, chance),) for _ in range(AT_ONCE))
        await driver.run(PostTransfers(BOOK, driver.seed(), chains))


def _transfer(driver: Driver, chance: random.Random) -> Transfer:
    debit, credit = chance.sample(range(ACCOUNTS), 2)
    names = (f"user:{debit}:wallet:usd", f"user:{credit}:wallet:usd")
    order = f"order_{chance.randrange(10**9)}"
    return Transfer(mint(driver).transfer_id(), Kind.SINGLE, *names, 100, "usd", "move", order)


async def measure(urls: ConnectionUrls, count: int, profiled: bool) -> None:
    await open_book(urls.owner)
    driver = Driver(urls.app)
    began = time.perf_counter()
    await post(driver, count)
    await driver.close()
    print(f"{count} transfers posted in {time.perf_counter() - began:.1f} s", flush=True)
    profile = cProfile.Profile()
    for _ in range(3):
        began, cpu = time.perf_counter(), time.process_time()
        if profiled:
            profile.enable()
        async with snapshot(urls.read_only) as frozen:
            results, audited = await audit(frozen, BOOK, Outside())
        profile.disable()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        assert audited.transfers == count
        assert not any(result.count for result in results)
        print(
            f"full: {count / took:,.0f} transfers/s, {count / used:,.0f} per core of this process"
        )
    pool, auditor = Pool(urls.app), Auditor(BOOK, Position())
    began, cpu = time.perf_counter(), time.process_time()
    while True:
        before = auditor.position
        assert not any(result.count for result in await auditor.slice(pool))
        if auditor.position == before:
            break
    took, used = time.perf_counter() - began, time.process_time() - cpu
    await pool.close()
    print(f"incremental: {count / took:,.0f} transfers/s, {count / used:,.0f} per core")
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    with running_server() as server:
        wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
        asyncio.run(measure(server.create(), wanted, "profile" in sys.argv))
