"""The order of things is the seed's alone, wherever in memory they lie."""

import asyncio
import random
from typing import NoReturn

from simulation.loop import SimLoop

HANDS, TIMES = 12, 20


async def _cancelled_in_order() -> list[int]:
    seen: list[int] = []

    async def hand(number: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append(number)
            raise

    async def fails() -> NoReturn:
        await asyncio.sleep(1)
        raise OSError

    litter = []
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(HANDS):
                litter.append(bytearray(random.randrange(1, 3_000)))  # moves what comes after it
                group.create_task(hand(number))
            group.create_task(fails())
    except* OSError:
        pass
    return seen


def test_a_group_that_fails_ends_its_tasks_in_the_order_of_the_seed() -> None:
    """A task group keeps a set; without numbers of their own, tasks are cancelled in the order of their addresses."""
    orders = {tuple(SimLoop(1).run_until_complete(_cancelled_in_order())) for _ in range(TIMES)}
    assert len(orders) == 1
    assert sorted(orders.pop()) == list(range(HANDS))
