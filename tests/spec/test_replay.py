"""The real services do, step by step, what the model does: random runs of the model, played on them."""

import asyncio
import json
from typing import Any

import pytest

from nostro.db.urls import ConnectionUrls
from spec.check import FLOWS
from spec.traces import CORPUS
from tests.spec.instances import a_stage
from tests.spec.replay import INSTANCES, Replay

TRACES: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("flow", FLOWS)
def test_the_services_follow_the_model(database: ConnectionUrls, flow: str) -> None:
    async def scenario() -> int:
        async with a_stage(database) as stage:
            instances = [stage.instance(f"instance {number}") for number in range(INSTANCES)]
            chosen = [trace for trace in TRACES if trace["flow"] == flow]
            return sum([await Replay(stage, trace, instances).play() for trace in chosen])

    assert asyncio.run(scenario()) > 500
