"""What merchants change of a charge that was made: how it is described, never what it moved."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.events.emit import Origin, emit
from nostro.kernel.answer import Answer, Refusal, missing, snapshot
from nostro.kernel.command import Decision, Reads, View
from nostro.payments.commands import Decided, patched
from nostro.payments.model import Charge
from nostro.payments.store import CHARGES


class UpdateCharge(msgspec.Struct, frozen=True):
    """Replace fields of a charge's terms; metadata merges. The intent keeps its own."""

    book: int
    seed: bytes
    origin: Origin
    charge: str
    patch: dict[str, Any]

    def reads(self) -> Reads:
        """The charge."""
        return Reads([(CHARGES, self.charge)])

    def decide(self, view: View) -> Decided:
        """The charge as changed."""
        charge = own_charge(view, self.origin, self.charge)
        if isinstance(charge, Refusal):
            return Decision(charge)
        changed = replace(charge, terms=patched(charge.terms, self.patch))
        shown = snapshot(changed)
        if changed == charge:
            return Decision(Answer(shown))
        event = emit(view, self.origin, "charge.updated", shown, {"terms": charge.terms})
        return Decision(Answer(shown), [(CHARGES, changed), event])


def own_charge(view: View, origin: Origin, identifier: str) -> Charge | Refusal:
    """The charge, if it is the account's own; otherwise it does not exist for it."""
    charge = view.get(CHARGES, identifier)
    if charge is None or charge.account != origin.account:
        return missing("charge", identifier, "charge")
    return charge
