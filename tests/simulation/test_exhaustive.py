"""Crashes of every money flow: each step, each commit lost in each form. Here a share; `--exhaustive` does them all."""

from simulation.campaign import enumerate_crashes
from tests.database import TestServer

SHARE, JOBS = 12, 2


def test_a_crash_anywhere_leaves_nothing_wrong(postgres: TestServer) -> None:
    runs, failures = enumerate_crashes(postgres, JOBS, SHARE)
    assert len(runs) == 5 and runs.total() > 40
    assert not failures, [(outcome.what, outcome.faults[:2]) for _, outcome in failures[:5]]
