"""The circuit: a value, with time passed in."""

from hypothesis import given
from hypothesis import strategies as st

from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import Declined, NotSent, Operation, Rejected, Unknown
from nostro.routing.breaker import Circuit, State, admits, begun, ended
from nostro.routing.health import Health
from nostro.routing.model import BreakerTerms
from nostro.system import SystemClock

TERMS = BreakerTerms(1_000, 4, 50, 100, 400)
T0 = SystemTime(1_000_000)


def at(ms: int) -> SystemTime:
    return SystemTime(T0 + ms)


def after(*failures: bool, ms: int = 0) -> Circuit:
    circuit = Circuit()
    for failed in failures:
        circuit = ended(circuit, TERMS, failed, at(ms))
    return circuit


def test_it_stays_closed_while_less_than_half_fail() -> None:
    assert after(True, False, False, False, True, False, True).state is State.CLOSED


def test_of_few_calls_nothing_is_concluded() -> None:
    assert after(True, True, True).state is State.CLOSED
    assert after(True, True, True, True).state is State.OPEN


def test_a_success_never_opens_it() -> None:
    assert after(True, True, True, False).state is State.CLOSED


def test_calls_of_an_earlier_window_are_forgotten() -> None:
    circuit = after(True, True, True)
    assert ended(circuit, TERMS, True, at(1_000)).state is State.CLOSED


def test_while_open_nobody_calls_and_then_one_tries_it() -> None:
    circuit = after(True, True, True, True)
    assert not admits(circuit, at(99))
    assert admits(circuit, at(100))
    trial = begun(circuit, TERMS, at(100))
    assert trial.state is State.HALF_OPEN
    assert not admits(trial, at(150)), "one at a time"
    assert admits(trial, at(200)), "a trial that was lost holds nobody up"
    assert ended(trial, TERMS, False, at(120)).state is State.CLOSED


def test_each_failed_trial_doubles_the_pause_up_to_a_bound() -> None:
    circuit, now, pauses = after(True, True, True, True), T0, []
    for _ in range(6):
        pauses.append(circuit.until - now)
        now = circuit.until
        circuit = ended(begun(circuit, TERMS, now), TERMS, True, now)
    assert pauses == [100, 200, 400, 400, 400, 400]


def test_one_that_began_before_it_opened_changes_nothing() -> None:
    circuit = after(True, True, True, True)
    assert ended(circuit, TERMS, False, at(1)) == circuit
    assert ended(circuit, TERMS, True, at(1)) == circuit


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300)), max_size=60))
def test_it_never_jams(calls: list[tuple[bool, int]]) -> None:
    """Whatever happened, somebody may call again within the longest pause."""
    circuit, now = Circuit(), T0
    for failed, pause in calls:
        now = SystemTime(now + pause)
        if admits(circuit, now):
            circuit = ended(begun(circuit, TERMS, now), TERMS, failed, now)
        assert circuit.until - now <= TERMS.open_longest_ms
    assert admits(circuit, SystemTime(now + TERMS.open_longest_ms))


class Still(SystemClock):
    """Time stands until it is moved."""

    now = T0

    def system(self) -> SystemTime:
        return self.now


def test_each_acquirer_and_operation_has_a_circuit_of_its_own() -> None:
    clock = Still()
    health = Health(clock, TERMS)
    for outcome in (Unknown("lost"), NotSent("refused"), Unknown("lost"), NotSent("refused")):
        assert health.begin("alpha", Operation.SALE)
        health.end("alpha", Operation.SALE, outcome)
    assert not health.begin("alpha", Operation.SALE)
    assert health.begin("alpha", Operation.REFUND) and health.begin("beta", Operation.SALE)
    assert list(health.open_for(Operation.SALE)) == ["alpha"]
    assert health.open_for(Operation.REFUND) == {}
    clock.now = SystemTime(T0 + 100)
    assert health.open_for(Operation.SALE) == {}, "it may be tried"


def test_a_no_is_an_answer() -> None:
    health = Health(Still(), TERMS)
    for _ in range(10):
        health.end("alpha", Operation.SALE, Declined("insufficient_funds"))
        health.end("alpha", Operation.SALE, Rejected("invalid"))
    assert health.open_for(Operation.SALE) == {}
