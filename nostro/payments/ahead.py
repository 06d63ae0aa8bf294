"""Leases of the dead, and leases that only a clock that was ahead can have given. Pure."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from nostro.kernel.clock import DAY, SystemTime
from nostro.payments.timing import DIFFERENCE_MS

# What waits in a queue, or for its acquirer to decide, is looked at again after this at the latest.
LOOKED_AT_MS = 1 * DAY


class Leased(Protocol):
    """A message as far as its lease goes."""

    @property
    def holder(self) -> str: ...

    @property
    def lease_until(self) -> SystemTime: ...

    @property
    def age_known(self) -> bool: ...


class Ending(msgspec.Struct, frozen=True):
    """Which leases end. `longest_ms`: nobody leases for longer what is sent or asked about, by any of the clocks.

    `generation`: the names of the living begin with it, and all others are dead. None: nobody knows who is dead.
    """

    longest_ms: int
    generation: str | None = None

    def changes(self, row: Leased, asked: bool, now: SystemTime) -> dict[str, Any]:
        """What changes of the row, by field. `asked`: it is sent or asked about, and waits for nothing else.

        A lease that shows that a clock was wrong is not ended without a trace: nobody knows any more how old the message is.
        """
        too_long_ms = row.lease_until - now - (self.longest_ms if asked else LOOKED_AT_MS)
        dead = self.generation is not None and not row.holder.startswith(self.generation)
        found: dict[str, Any] = {}
        if row.lease_until > now and (dead or too_long_ms > DIFFERENCE_MS):
            found["lease_until"] = now
        if row.age_known and too_long_ms > 0:
            found["age_known"] = False
        return found
