"""What an acquirer can be asked about a message whose outcome is unknown. Data: the rooms ask these, never a name."""

from __future__ import annotations

import msgspec


class Capabilities(msgspec.Struct, frozen=True):
    """One acquirer's. Claim less rather than more: what is claimed is relied on."""

    # It can be asked what became of a reference. Its "not found" never concludes anything.
    inquiry: bool = True
    # For how long after the first send it knows a reference: till then a repeat is answered, not executed again, and a
    # cancel finds what it cancels. Milliseconds; None is for ever, 0 never.
    replay_window_ms: int | None = None
    # It cancels by our reference, and refuses that reference from then on. A sale or authorization that was done is undone;
    # a capture, void or refund that was done stays done, and the answer says so: it may be counted as done by then.
    cancel_by_reference: bool = True
    # It says outcomes by signed notifications, and these are evidence.
    notifies: bool = False
    # It refuses what arrives after `send_by`. Nothing relies on it: it only narrows what can go wrong.
    honours_send_by: bool = True


# Of one that settings no longer name, too: there is nobody left to ask.
NOBODY = Capabilities(
    inquiry=False, replay_window_ms=0, cancel_by_reference=False, honours_send_by=False
)
