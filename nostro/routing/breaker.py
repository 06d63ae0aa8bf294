"""A circuit: closed while calls succeed, open after too many failed, half open while one call tries it. Pure (ADR 12).

Time is passed in. A failure is an answer that never came, not a decline.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from nostro.kernel.clock import SystemTime
from nostro.routing.model import BreakerTerms


class State(StrEnum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit(msgspec.Struct, frozen=True):
    """One circuit. Calls and failures are counted in windows of fixed length; `until` ends the open or trial time."""

    state: State = State.CLOSED
    window_from: SystemTime = SystemTime(0)
    calls: int = 0
    failures: int = 0
    until: SystemTime = SystemTime(0)
    opened: int = 0  # times in a row


def admits(circuit: Circuit, now: SystemTime) -> bool:
    """Whether a call may be made now. While it is open or being tried, not before `until`.

    A clock that is before the failures was set back since: nobody knows how long that was, so a trial may be made.
    """
    return circuit.state is State.CLOSED or not circuit.window_from <= now < circuit.until


def begun(circuit: Circuit, terms: BreakerTerms, now: SystemTime) -> Circuit:
    """A call that was admitted begins. The first after the open time is the trial; nobody else calls until it ends,
    or has taken as long as the circuit was open.
    """
    if circuit.state is State.CLOSED:
        return circuit
    return replace(circuit, state=State.HALF_OPEN, until=_later(circuit, terms, now))


def ended(circuit: Circuit, terms: BreakerTerms, failed: bool, now: SystemTime) -> Circuit:
    """A call has ended."""
    if circuit.state is State.OPEN:
        return circuit  # begun before it opened: nothing new
    if circuit.state is State.HALF_OPEN:
        return _opened(circuit, terms, now) if failed else Circuit(window_from=now)
    if now >= circuit.window_from + terms.window_ms:
        circuit = Circuit(window_from=now)
    counted = replace(circuit, calls=circuit.calls + 1, failures=circuit.failures + failed)
    too_many = counted.failures * 100 >= terms.failures_percent * counted.calls
    if failed and too_many and counted.calls >= terms.calls_min:
        return _opened(counted, terms, now)
    return counted


def _opened(circuit: Circuit, terms: BreakerTerms, now: SystemTime) -> Circuit:
    times = circuit.opened + 1
    circuit = replace(circuit, state=State.OPEN, opened=times)
    return replace(circuit, until=_later(circuit, terms, now))


def _later(circuit: Circuit, terms: BreakerTerms, now: SystemTime) -> SystemTime:
    pause = terms.open_ms << min(max(circuit.opened - 1, 0), 20)
    return SystemTime(now + min(terms.open_longest_ms, pause))
