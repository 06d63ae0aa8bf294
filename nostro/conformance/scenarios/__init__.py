"""The suite: every scenario, in the order of the report."""

from __future__ import annotations

from nostro.conformance.scenario import Scenario
from nostro.conformance.scenarios import (
    answers,
    cancelling,
    connections,
    deadlines,
    doubtful,
    inquiring,
    references,
    replaying,
)

SCENARIOS: tuple[Scenario, ...] = (
    *answers.SCENARIOS,
    *connections.SCENARIOS,
    *doubtful.SCENARIOS,
    *deadlines.SCENARIOS,
    *references.SCENARIOS,
    *inquiring.SCENARIOS,
    *replaying.SCENARIOS,
    *cancelling.SCENARIOS,
)
