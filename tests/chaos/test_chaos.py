"""The acceptance in small: what `python -m tests.chaos` does with 10,000 payments, in under a minute."""

import pytest

from tests.chaos.run import Run, Size
from tests.chaos.stack import RUNNING_AT_ALL

SMALL = Size(
    payments=1_500, seconds=38.0, rounds=2, stalls=1, whole=1, last=100, clients=64, seed=7
)


@pytest.mark.skipif(not RUNNING_AT_ALL, reason="finds and stops processes by /proc")
@pytest.mark.timeout(400)
def test_every_payment_is_final_and_charged_once_whatever_was_killed() -> None:
    figures = Run(SMALL).report()
    for kind in ("api", "worker", "sandbox", "postmaster", "backend"):
        assert figures["kills"][kind] == SMALL.rounds, kind
    assert figures["kills"]["everything"] == 1
    assert figures["kills"]["stall"] == 1, "no stop fell between intend and send"
    assert figures["in_flight_at_the_last_kill"] > 0
    assert SMALL.payments <= figures["payments"] <= SMALL.payments + SMALL.last
    assert figures["unknown_sales_and_captures"] > 0 and figures["taken_over"] > 0
