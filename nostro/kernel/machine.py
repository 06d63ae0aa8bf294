"""State machines as tables that check themselves, run, and draw themselves.

A machine is the whole truth about its transitions: product code calls `step`, the documentation prints `mermaid`,
and the database's CHECK of states is compared with `states` by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from nostro.kernel.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class Machine(Generic[S, E]):
    """A transition table `(state, event) -> state` from one initial state."""

    def __init__(self, name: str, initial: S, table: Mapping[tuple[S, E], S]) -> None:
        self.name = name
        self.initial = initial
        self.table = dict(table)
        self._refuse_unreachable()

    @property
    def states(self) -> frozenset[S]:
        """Every state the table names."""
        return frozenset({self.initial, *self.table.values(), *(state for state, _ in self.table)})

    @property
    def final(self) -> frozenset[S]:
        """States that nothing leaves."""
        return self.states - {state for state, _ in self.table}

    def step(self, state: S, event: E) -> S:
        """The next state. Raises IllegalTransition when the table has no such arrow."""
        try:
            return self.table[state, event]
        except KeyError:
            raise IllegalTransition(f"{self.name}: no transition from {state} on {event}") from None

    def allows(self, state: S, event: E) -> bool:
        """Whether the table has an arrow for this event."""
        return (state, event) in self.table

    def leads(self, source: S, target: S) -> bool:
        """Whether `target` can be reached from `source` by listed transitions, in any number of steps."""
        return target in self._reachable(source)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram."""
        arrows = [f"    {a} --> {b}: {event}" for (a, event), b in self.table.items()]
        ends = [f"    {state} --> [*]" for state in sorted(self.final)]
        return "\n".join(["stateDiagram-v2", f"    [*] --> {self.initial}", *arrows, *ends])

    def _reachable(self, source: S) -> set[S]:
        seen, open_states = {source}, [source]
        while open_states:
            state = open_states.pop()
            for (origin, _), target in self.table.items():
                if origin == state and target not in seen:
                    seen.add(target)
                    open_states.append(target)
        return seen

    def _refuse_unreachable(self) -> None:
        lost = self.states - self._reachable(self.initial)
        assert not lost, f"{self.name}: unreachable states {sorted(lost)}"
