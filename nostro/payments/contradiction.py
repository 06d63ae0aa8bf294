"""What cannot both be so: how a message ended, and what its acquirer says of it after that. Pure."""

from __future__ import annotations

import msgspec

from nostro.kernel.command import Note
from nostro.kernel.outcome import Approved, Declined, Evidence, Undone

CONTRADICTED = "evidence.contradicted"
_EVIDENCE: type[Evidence] = Evidence  # type: ignore[assignment]


def learned(evidence: str | None) -> Evidence | None:
    """The evidence that a message keeps as text: what settled it, or keeps it open."""
    return None if evidence is None else msgspec.json.decode(evidence, type=_EVIDENCE)


def executed_again(before: Evidence | None, now: Evidence) -> str | None:
    """An acquirer has one reference of its own for each thing it does: under two it did two."""
    if not isinstance(before, Approved) or not isinstance(now, Approved):
        return None
    ours, theirs = before.acquirer_reference, now.acquirer_reference
    return None if ours == theirs else f"it is approved as {ours}, and now as {theirs}, too"


def contradiction(done: bool, before: Evidence | None, now: Evidence) -> str | None:
    """Why what is said now cannot be so if the message was done, or was not; None if it can. Doubtful evidence always can."""
    if isinstance(now, Approved):
        return executed_again(before, now) if done else "approved, of what was not done"
    if done and isinstance(now, (Declined, Undone)):
        return f"{type(now).__name__}, of what was done"
    return None


def note(reference: str, state: str, why: str) -> Note:
    """The audit record of a contradiction: a person has to look at it, and nothing was changed by it."""
    return Note(CONTRADICTED, reference, msgspec.json.encode([state, why]).decode())
