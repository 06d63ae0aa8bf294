"""Which change of a state the audit log may tell of: the machines' own tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nostro.kernel.machine import Machine
from nostro.kernel.table import text_array
from nostro.payments.machine import ATTEMPT, INTENT, IntentStatus
from nostro.payments.store import ATTEMPTS, CHARGES, INTENTS
from nostro.refunds.machine import REFUND, RefundState
from nostro.refunds.store import REFUNDS

Arrow = tuple[str, str, str]
NOTHING = ""  # the state of what is not there yet


def arrows() -> tuple[str, str, str]:
    """Table, state before and state after, as three arrays side by side."""
    found = list(_arrows())
    return (
        text_array([relation for relation, _, _ in found]),
        text_array([before for _, before, _ in found]),
        text_array([after for _, _, after in found]),
    )


def _arrows() -> Iterator[Arrow]:
    """A command moves a row by one arrow; one that makes it may have given the card and sent it, too."""
    for relation, machine, born in (
        (INTENTS.name, INTENT, (IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.PROCESSING)),
        (ATTEMPTS.name, ATTEMPT, ()),
        (REFUNDS.name, REFUND, (RefundState.SENDING,)),
    ):
        yield from _of_machine(relation, machine)
        yield from ((relation, NOTHING, state) for state in born)
    yield from ((CHARGES.name, NOTHING, status) for status in ("succeeded", "failed"))


def _of_machine(relation: str, machine: Machine[Any, Any]) -> Iterator[Arrow]:
    yield relation, NOTHING, machine.initial
    steps = {(before, after) for (before, _), after in machine.table.items() if before != after}
    yield from ((relation, before, after) for before, after in steps)
