"""The circuits of one process: one for each acquirer and operation.

What is seen here is seen by this process alone: another learns it from its own calls.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from nostro.kernel.clock import SystemTime
from nostro.kernel.outcome import NotSent, Operation, Outcome, Unknown
from nostro.kernel.ports import Clock
from nostro.routing.breaker import Circuit, State, admits, begun, ended
from nostro.routing.model import BreakerTerms

log = logging.getLogger(__name__)


class Health:
    """Which acquirers answer, as far as this process has seen."""

    def __init__(self, clock: Clock, terms: BreakerTerms | None = None) -> None:
        self._clock, self._terms = clock, terms or BreakerTerms()
        self._circuits: dict[tuple[str, Operation], Circuit] = {}

    def circuit(self, acquirer: str, operation: Operation) -> Circuit:
        """The circuit as it is."""
        return self._circuits.get((acquirer, operation), Circuit())

    def open_for(self, operation: Operation) -> Mapping[str, str]:
        """The acquirers that may not be called for it now, each with a sentence."""
        if not self._circuits:
            return {}
        now = self._now()
        return {
            acquirer: f"its circuit for {operation} is {circuit.state}"
            for (acquirer, of), circuit in self._circuits.items()
            if of == operation and not admits(circuit, now)
        }

    def begin(self, acquirer: str, operation: Operation) -> bool:
        """Whether a call may be made now; if so, it has begun."""
        circuit, now = self.circuit(acquirer, operation), self._now()
        if not admits(circuit, now):
            return False
        self._keep(acquirer, operation, circuit, begun(circuit, self._terms, now))
        return True

    def end(self, acquirer: str, operation: Operation, outcome: Outcome) -> None:
        """A call has ended. No answer is a failure; a no is an answer."""
        failed = isinstance(outcome, (Unknown, NotSent))
        circuit = self.circuit(acquirer, operation)
        self._keep(acquirer, operation, circuit, ended(circuit, self._terms, failed, self._now()))

    def _keep(self, acquirer: str, operation: Operation, before: Circuit, after: Circuit) -> None:
        self._circuits[acquirer, operation] = after
        if State.OPEN in (before.state, after.state) and before.state is not after.state:
            log.warning("%s, %s: the circuit is %s", acquirer, operation, after.state)

    def _now(self) -> SystemTime:
        return self._clock.system()
