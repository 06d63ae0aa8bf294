"""What cannot both be so: how a message ended, and what its acquirer says of it after that. Pure."""

from __future__ import annotations

import msgspec

from nostro.kernel.command import Note
from nostro.kernel.outcome import Approved, Declined, Evidence, NotSent, Rejected, Undone

CONTRADICTED = "evidence.contradicted"
NOT_DONE = (Declined, Undone, Rejected, NotSent)
BY_PEOPLE = "the acquirer said before that it did it: people conclude it"
_EVIDENCE: type[Evidence] = Evidence  # type: ignore[assignment]


def learned(evidence: str | None) -> Evidence | None:
    """The evidence that a message keeps as text: what settled it, or keeps it open."""
    return None if evidence is None else msgspec.json.decode(evidence, type=_EVIDENCE)


def executed_again(before: Evidence | None, now: Evidence) -> str | None:
    """An acquirer has one reference of its own for each thing it does: under two it did two, whatever became of the other."""
    if not isinstance(before, Approved) or not isinstance(now, (Approved, Declined)):
        return None
    ours, theirs = before.acquirer_reference, now.acquirer_reference
    if not theirs or ours == theirs:
        return None
    said = "" if isinstance(now, Approved) else "declined "
    return f"it is approved as {ours}, and now {said}as {theirs}, too"


def taints(before: Evidence | None, now: Evidence) -> bool:
    """Whether people alone conclude "not done" once this was said, and not believed.

    What is known to be done, as the acquirer names it, is done: another amount of that taints nothing.
    """
    if isinstance(before, Approved):
        return executed_again(before, now) is not None
    return isinstance(now, Approved)


def for_people(contradicted: bool, evidence: Evidence, by_people: bool) -> bool:
    """Whether it says "not done" of what cannot be believed any more, and no person says it."""
    return contradicted and isinstance(evidence, NOT_DONE) and not by_people


def another_amount(evidence: Approved, amount: int, currency: str) -> str | None:
    """What was approved instead of what was asked for (minor units)."""
    if (evidence.amount, evidence.currency) == (amount, currency):
        return None
    return f"{evidence.amount} {evidence.currency}: the acquirer approved another amount"


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
