"""A cancel by reference that arrives after the original it was to forestall."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sandbox.manners import MANNERS
from sandbox.messages import Authorize, Cancel
from simulation import judge as judging
from simulation.campaign import Send, side_by_side
from simulation.clients import Client, Plan
from simulation.exhaustive import Crash, Run
from simulation.hosts import Slot
from simulation.run import Place
from tests.database import TestServer


class LateCancel(Run):
    """An acquirer that ignores `send_by`: the sale takes 17 seconds to it, the first cancel 30."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, "sale", Crash(), True)
        self.world.acquirer.batch.manner = MANNERS["ignores-send-by"]

    async def _main(self) -> None:
        methods = await self._set_up()
        api = Slot(self.world, "api-1", lambda machine: None)
        Slot(self.world, "work-1", self._work)
        outside = self.loop.outside
        slow: dict[type, float] = {Authorize: 17.0, Cancel: 30.0}

        def delayed(seconds: float, callback: Any, *given: Any) -> None:
            kind = type(given[0]) if given else object
            outside(slow.pop(kind, seconds), callback, *given)

        self.loop.outside = delayed  # type: ignore[method-assign]
        client = Client(self.world, [api], self.witness, methods, "only")
        plan = Plan("only-1", 5_000, "pm_card_visa", False, True, True, ())
        await client._ask(plan, "create", client._create(plan))
        while judging.unfinished(self.place.owner, self.world.book)[0] or self.loop.now < 60:
            if self.loop.now > 600:
                break
            await asyncio.sleep(1)
        await self._quiet()


@dataclass(frozen=True)
class Once:
    """The one run, in a process of its own."""

    def work(self, place: Place, send: Send) -> None:
        send(LateCancel(place).run())


def test_a_late_cancel_never_undoes_what_was_settled(postgres: TestServer) -> None:
    ((_, found),) = side_by_side(postgres, [Once()], 1)
    assert not found.faults, (found.faults, found.story)
    assert found.counts["Cancel"] >= 2, "the first came too late to be the only one"
