"""Crashes of every money flow: each step, each commit lost in each form. Here a share; `--exhaustive` does them all."""

from simulation.campaign import Pairs, enumerate_crashes
from tests.database import TestServer

SHARE, PAIRS_SHARE, JOBS = 12, 24, 2


def test_a_crash_anywhere_leaves_nothing_wrong(postgres: TestServer) -> None:
    runs, failures = enumerate_crashes(postgres, JOBS, SHARE)
    assert len(runs) == 8 and runs.total() > 60
    assert not failures, [(outcome.what, outcome.faults[:2]) for _, outcome in failures[:5]]


def test_two_crashes_leave_nothing_wrong(postgres: TestServer) -> None:
    runs, failures = enumerate_crashes(postgres, JOBS, PAIRS_SHARE, Pairs)
    assert len(runs) == 8 and runs.total() > 40
    assert not failures, [(outcome.what, outcome.faults[:2]) for _, outcome in failures[:5]]
