"""What the lines of one report say together, and what speaks against a line. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from nostro.kernel.clock import MINUTE, SystemTime
from nostro.kernel.outcome import Approved, Evidence
from nostro.kernel.ports import ReportLine
from nostro.notifications.judgement import is_open
from nostro.refunds.machine import RefundState
from nostro.refunds.messages import Message
from nostro.refunds.model import Refund

# A day's report is final once the day is over, by our clock and by one that is a little behind.
FINAL_AFTER_MS = 10 * MINUTE


def standing(lines: Sequence[ReportLine]) -> list[ReportLine]:
    """The lines that count: what the same report takes back (a refund that failed later that day) was not done."""
    back = {line.reference for line in lines if not isinstance(line.evidence, Approved)}
    return [
        line
        for line in lines
        if line.reference not in back or not isinstance(line.evidence, Approved)
    ]


def executed_twice(lines: Sequence[ReportLine]) -> set[str]:
    """References under which the acquirer did more than one thing: it has its own reference for each."""
    theirs: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if isinstance(line.evidence, Approved):
            theirs[line.reference].add(line.evidence.acquirer_reference)
    return {reference for reference, named in theirs.items() if len(named) > 1}


def against(
    message: Message | None, evidence: Evidence, end_ms: int, twice: bool, arriving_ms: int
) -> str | None:
    """Why a person has to look at a line; `end_ms` is when the report's day was over.

    `arriving_ms` is how long after its `send_by` a message may still arrive.
    """
    if twice:
        return "the report has it twice, under two references of the acquirer's"
    if message is None:
        return None
    if message.first_sent > end_ms + FINAL_AFTER_MS:
        return "it left us after the day of the report"
    # Of what has an outcome a report only tells again: an old one is no contradiction of a later send.
    sent_again = is_open(message) and message.send_by + arriving_ms > end_ms
    if sent_again and not isinstance(evidence, Approved):
        return "it was sent once more, and may have arrived after the day of the report"
    return None


def may_still_fail(message: Message | None, evidence: Evidence) -> bool:
    """A refund that succeeded provisionally is in a report as it was paid; that it may fail is not over by that."""
    provisional = isinstance(message, Refund) and message.state is RefundState.PROVISIONAL
    return provisional and isinstance(evidence, Approved)


def is_final(end_ms: int, now: SystemTime) -> bool:
    """Whether nothing of a report's day can change any more."""
    return now >= end_ms + FINAL_AFTER_MS
