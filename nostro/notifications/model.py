"""A notification of an acquirer as it was taken."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nostro.kernel.clock import SystemTime


class NoteState(StrEnum):
    """What became of it."""

    APPLIED = "applied"  # it settled its message, or made it due
    IGNORED = "ignored"  # it says what is known
    QUARANTINED = "quarantined"  # it contradicts what we know: a person looks at it
    UNMATCHED = "unmatched"  # it is about no message of ours
    CLOSED = "closed"  # a person has looked at it


OPEN = (NoteState.QUARANTINED, NoteState.UNMATCHED)  # nobody has looked at it yet


class Note(msgspec.Struct, frozen=True):
    """One notification; its id is the acquirer's name and the acquirer's own id of it."""

    id: str
    acquirer: str
    reference: str
    state: NoteState
    reason: str
    received_ms: SystemTime
    body: str
