"""The merchants' webhook receivers: they fail, stall, and remember what they accepted."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import msgspec

from nostro.kernel.ports import SendFailed
from simulation.faults import Faults
from simulation.loop import SimLoop


class Receivers:
    """Every receiver there is; an `HttpSender` to ours."""

    def __init__(self, loop: SimLoop, faults: Faults) -> None:
        self._loop, self._faults = loop, faults
        self.accepted: dict[str, Counter[str]] = {}  # by URL: event ids
        self.counts: Counter[str] = Counter()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Raises SendFailed."""
        rng, faults = self._loop.rng, self._faults
        assert headers["Stripe-Signature"]
        await asyncio.sleep(rng.expovariate(20))
        if rng.random() < faults.webhook_stalls:
            self.counts["webhook stalled"] += 1
            await asyncio.sleep(rng.uniform(2, 10))
            raise SendFailed("no answer in time")
        fails = rng.random() < faults.webhook_fails
        if fails and rng.random() < 0.5:
            self.counts["webhook refused"] += 1
            return 503
        event = msgspec.json.decode(body)["id"]
        self.accepted.setdefault(url, Counter())[event] += 1
        if fails:
            self.counts["webhook accepted, and not heard of"] += 1
            raise SendFailed("connection reset")
        return 200
