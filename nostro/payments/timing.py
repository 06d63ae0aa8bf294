"""How long things may take: deadlines of a call, leases, and when one looks again."""

from __future__ import annotations

import msgspec

from nostro.kernel.clock import MINUTE, SECOND

# Clocks of several machines differ; a lease that is longer by more than this was given by one that was ahead.
DIFFERENCE_MS = 1 * MINUTE


class Timing(msgspec.Struct, frozen=True):
    """Deadlines of a call, in milliseconds of system time."""

    send_ms: int = 2 * SECOND  # a message not written by then is never written
    call_ms: int = 10 * SECOND  # an answer after that is no answer
    settle_ms: int = 10 * SECOND  # the lease goes on that long for settling
    retry_ms: int = 1 * SECOND  # an unknown outcome is first asked about after this
    retry_longest_ms: int = 15 * SECOND  # all is known so long after an acquirer is back
    poll_longest_ms: int = (
        60 * SECOND
    )  # a refund that is under way, or waits for money, is looked at
    waiting_ms: int = 60 * MINUTE  # what nobody can be asked about is looked at again after this

    @property
    def longest_lease_ms(self) -> int:
        """Nothing that is sent or asked about is leased for longer, by any of the clocks."""
        return max(self.call_ms + self.settle_ms, self.retry_longest_ms) + self.clocks_ms

    @property
    def clocks_ms(self) -> int:
        """How far our clocks, and ours and an acquirer's, may be apart where an age is relied on."""
        return self.send_ms

    @property
    def arriving_ms(self) -> int:
        """How long after its `send_by` a message may still arrive, by any of the clocks."""
        return self.clocks_ms + self.call_ms

    @property
    def margin_ms(self) -> int:
        """What has to be left of an acquirer's memory, so that a repeat is there before it ends."""
        return self.send_ms + self.call_ms
