"""Payment methods, decided purely: create, update, attach to a customer, detach."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.events.emit import Origin
from nostro.kernel.command import View
from nostro.kernel.table import Table
from nostro.payment_methods.model import BillingDetails, CardFacts, Checks, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.vault.model import SealedCard
from nostro.vault.store import CARDS


class Draft(msgspec.Struct, frozen=True):
    """A method not yet stored: its facts, its vault token, and the sealed card if the token is new."""

    card: CardFacts
    card_token: str
    sealed: SealedCard | None = None
    billing: BillingDetails = BillingDetails()
    checks: Checks = Checks()
    metadata: dict[str, str] = {}
    allow_redisplay: str = "unspecified"

    def materialise(
        self, view: View, origin: Origin
    ) -> tuple[PaymentMethod, list[tuple[Table[Any], Any]]]:
        """The new method and the rows that store it."""
        method = PaymentMethod(
            view.mint.new("pm"), origin.account, self.card, self.card_token, view.now, origin.live,
            self.billing, self.checks, self.metadata, None, self.allow_redisplay,
        )  # fmt: skip
        rows: list[tuple[Table[Any], Any]] = [(METHODS, method)]
        if self.sealed is not None:
            rows.append((CARDS, self.sealed))
        return method, rows
