"""Thousands of payments in flight, everything killed with `kill -9`: how long until all is final.

The acquirer acts on each and withholds its answer. Then API, worker, sandbox and PostgreSQL die at once, and no client
ever asks again: the worker alone finishes them, by asking the acquirer what became of each.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos import books as both
from tests.chaos.plans import plans
from tests.chaos.run import Run, Size
from tests.chaos.up import PORTS
from tests.chaos.witness import Witness
from tests.server import free_port

# Each API holds two sockets for each payment, so that one process would run out of descriptors.
APIS = 2
ASKED_A_SECOND = 400.0
# Nobody gives up before the kill: every payment is on its way when it comes.
TIMING = {"send_ms": 20_000, "call_ms": 240_000, "settle_ms": 10_000, "retry_ms": 250}
PATIENCE_SECONDS = (240.0,)
STEADY_SECONDS = 5.0


class InFlight(Run):
    """A run that is nothing but its last act."""

    def __init__(self, count: int, seed: int) -> None:
        size = Size(
            payments=0, seconds=1.0, rounds=0, stalls=0, whole=0, last=count, stops=0, seed=seed
        )
        super().__init__(size, {**TIMING, "acquirer_connections": count})
        # One step alone does not send anything.
        self.last = [plan for plan in plans(2 * count, seed) if plan.kind != "two_steps"][:count]
        ports = [free_port() for _ in range(APIS - 1)]
        self.stack.children[PORTS] = ",".join(map(str, ports))
        self.stack.client_urls += [f"http://127.0.0.1:{port}" for port in ports]

    def _witness(self) -> Witness:
        stack = self.stack
        return Witness(
            stack.client_urls, stack.secret_key, self._file, self.size.last, 1.0, self.size.seed,
            patience=PATIENCE_SECONDS,
        )  # fmt: skip

    def _acquirer_faults(self) -> Sequence[Mapping[str, Any]]:
        return ()

    async def _ill_treat(self, witness: Witness) -> dict[str, object]:
        return {}

    async def _end_with_a_crash(self, witness: Witness) -> int:
        await asyncio.to_thread(both.hold, self.stack)
        asked = asyncio.create_task(witness.ask_once(self.last, ASKED_A_SECOND))
        await self._all_held()
        return await self._crash(asked)

    async def _all_held(self) -> None:
        """Until the acquirer withholds as many answers as it ever will."""
        held, since = 0, time.monotonic()
        while held < self.size.last and time.monotonic() - since < STEADY_SECONDS:
            now = int(await asyncio.to_thread(both.held, self.stack))
            if now != held:
                held, since = now, time.monotonic()
            await asyncio.sleep(0.1)
        self.stack.note(f"the acquirer withholds {held} answers")
