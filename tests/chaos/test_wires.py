"""The wire faults in small: what `python -m tests.chaos --minutes 10 --wire 0.05` does, in half a minute."""

import pytest

from tests.chaos.run import Run, Size
from tests.chaos.stack import RUNNING_AT_ALL
from tests.chaos.wire import OF_ALL, OF_COMMITS

SMALL = Size(
    payments=150, seconds=10.0, rounds=0, stalls=0, whole=0, last=20, clients=16, seed=5, stops=0,
    wire=0.05, ends=True,
)  # fmt: skip


@pytest.mark.skipif(not RUNNING_AT_ALL, reason="finds and stops processes by /proc")
def test_every_payment_is_final_and_charged_once_whatever_was_cut() -> None:
    figures = Run(SMALL).report()
    assert figures["payments"] > 20
    for wire in ("clients", "acquirer", "database"):
        faults = figures["wires"][wire]["faults"]
        assert set(OF_ALL) <= set(faults), wire
    assert set(OF_COMMITS) & set(figures["wires"]["database"]["faults"])
