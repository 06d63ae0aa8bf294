"""The machine of a conclusion: one person proposes, another applies."""

from __future__ import annotations

from enum import StrEnum

from nostro.kernel.machine import Machine


class ConclusionState(StrEnum):
    """Where a conclusion stands."""

    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    APPLIED = "applied"


class ConclusionEvent(StrEnum):
    """What moves it."""

    WITHDRAWN = "withdrawn by anybody"
    PROPOSED = "proposed once more"
    APPROVED = "approved by another person"


_S, _E = ConclusionState, ConclusionEvent
CONCLUSION = Machine(
    "conclusion",
    _S.PROPOSED,
    {
        (_S.PROPOSED, _E.WITHDRAWN): _S.WITHDRAWN,
        (_S.WITHDRAWN, _E.PROPOSED): _S.PROPOSED,
        (_S.PROPOSED, _E.APPROVED): _S.APPLIED,
    },
)
