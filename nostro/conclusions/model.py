"""People who may conclude, and what they conclude. Times are system time in milliseconds."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

import msgspec

from nostro.conclusions.machine import ConclusionState
from nostro.kernel.clock import SystemTime

PROPOSAL_DIGITS = 32
EVIDENCE_BYTES_MAX = 4 * 1024 * 1024


class Verdict(StrEnum):
    """What a person found out about a message."""

    DONE = "done"  # the acquirer did it, for the amount that was asked
    NOT_DONE = "not_done"  # nothing of it stands there, and nothing will


class OperatorState(StrEnum):
    """Whether an operator's key is good."""

    ACTIVE = "active"
    REMOVED = "removed"


class Operator(msgspec.Struct, frozen=True):
    """A person of a book: a name, and the keyed hash of the key that only this person has."""

    id: str
    key_hash: str
    state: OperatorState
    created_ms: SystemTime


class Badge(msgspec.Struct, frozen=True):
    """Whoever shows this is that operator, if the hash is the operator's: every command compares it again."""

    name: str
    key_hash: str


class Finding(msgspec.Struct, frozen=True):
    """What is proposed: the verdict, the acquirer's own reference, why, and the SHA-256 (hexadecimal) of the evidence's file."""

    verdict: Verdict
    acquirer_reference: str
    reason: str
    evidence: str


class Conclusion(msgspec.Struct, frozen=True):
    """The conclusion about one message; its id is the message's reference."""

    id: str
    verdict: Verdict
    acquirer_reference: str
    reason: str
    evidence: str
    state: ConclusionState
    proposed_by: str
    proposed_ms: SystemTime
    decided_by: str | None = None
    decided_ms: SystemTime | None = None

    @property
    def proposal(self) -> str:
        """What an approval names: a digest of all that was proposed, so that nobody approves what they have not read."""
        told = (
            self.id, self.verdict, self.acquirer_reference, self.reason, self.evidence,
            self.proposed_by, self.proposed_ms,
        )  # fmt: skip
        return sha256(msgspec.json.encode(told)).hexdigest()[:PROPOSAL_DIGITS]

    @property
    def setting(self) -> str:
        """All of it that matters, as the audit log tells it."""
        by = f"{self.state} by {self.decided_by or self.proposed_by}"
        return f"{by}: {self.verdict}, evidence {self.evidence}"


class Refused(msgspec.Struct, frozen=True):
    """Nothing was changed, and why."""

    reason: str


class EvidenceFile(msgspec.Struct, frozen=True):
    """What a person found it out from: a name and the bytes."""

    name: str
    body: bytes

    @property
    def sha256(self) -> str:
        """Its hash, in hexadecimal."""
        return sha256(self.body).hexdigest()
