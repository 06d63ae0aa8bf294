"""The duties of webhooks: endpoints that are behind, and deliveries that failed and are due again.

Each endpoint is served by a task of its own, so that a slow one delays nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nostro.events.delivery import ENDPOINTS_AT_ONCE, Behind, Deliveries, EndpointDown
from nostro.events.model import Delivery
from nostro.kernel.clock import MINUTE, SECOND
from nostro.kernel.ports import Clock
from nostro.work.crew import Crew

Held = Callable[[], bool]


class ServingEndpoints:
    """Delivers new events to the endpoints that have not heard of them."""

    name, idle_ms = "webhooks", 1 * SECOND

    def __init__(self, book: int, deliveries: Deliveries, clock: Clock, held: Held) -> None:
        self._book, self._deliveries, self._held = book, deliveries, held
        self._crew = Crew(f"webhooks of book {book}", ENDPOINTS_AT_ONCE, clock, MINUTE)

    async def round(self) -> int:
        """Begin with every endpoint that is behind and neither at work nor at rest."""
        crew = self._crew
        if crew.free <= 0:
            return 0
        found = await self._deliveries.behind(self._book, crew.busy(), crew.free)
        return sum(crew.start(one.endpoint.id, partial(self._serve, one)) for one in found)

    async def _serve(self, behind: Behind) -> bool:
        try:
            await self._deliveries.serve(self._book, behind, self._held)
        except EndpointDown:
            return False
        return True

    async def close(self) -> None:
        """Stop; what was not finished is delivered again."""
        await self._crew.close(SECOND)


class RetryingDeliveries:
    """Tries failed deliveries again when they are due."""

    name, idle_ms = "webhook retries", 2 * SECOND

    def __init__(self, book: int, deliveries: Deliveries, clock: Clock, held: Held) -> None:
        self._book, self._deliveries, self._held = book, deliveries, held
        self._crew = Crew(f"webhook retries of book {book}", ENDPOINTS_AT_ONCE, clock)

    async def round(self) -> int:
        """Begin with every endpoint that has something due."""
        crew = self._crew
        if crew.free <= 0:
            return 0
        due = await self._deliveries.due(self._book, crew.busy())
        return sum(crew.start(name, partial(self._retry, name, due[name])) for name in due)

    async def _retry(self, endpoint: str, due: list[Delivery]) -> None:
        await self._deliveries.retry(self._book, endpoint, due, self._held)

    async def close(self) -> None:
        """Stop; what was not finished is tried again."""
        await self._crew.close(SECOND)
