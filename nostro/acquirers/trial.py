"""What an adapter brings to be tried out: test cards of its processor, and what each of them makes it say."""

from __future__ import annotations

import msgspec

from nostro.kernel.ports import CardDetails


class Cards(msgspec.Struct, frozen=True):
    """A card that the processor approves, one that it declines, and the `Declined.reason` that the adapter gives then."""

    approved: CardDetails
    declined: CardDetails
    decline_reason: str
