"""What anyone may ask of the ledger alone: post transfers, set an account's limits."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.posting import LimitChange, Transfer
from nostro.ledger.refusals import Refusal

Outcomes = list[list[Refusal | None]]


class PostTransfers(msgspec.Struct, frozen=True):
    """Post chains of transfers in order; each chain is all or none, a lone transfer is a chain of one.

    The answer has, chain by chain, an outcome for each transfer: None if it is posted. A transfer whose id was used before
    has the outcome it had then, or `id_taken` if it asks for something else.
    """

    book: int
    seed: bytes
    chains: tuple[tuple[Transfer, ...], ...]
    actor: str = "operator"

    @property
    def weight(self) -> int:
        """How much of a batch this takes."""
        return sum(map(len, self.chains))

    def reads(self) -> Reads:
        """Both accounts, the hold and the id of each."""
        accounts: dict[str, None] = {}
        for found in self._transfers():
            accounts[found.debit] = accounts[found.credit] = None
        holds = [found.hold for found in self._transfers() if found.hold]
        return Reads((), list(accounts), holds, [found.id for found in self._transfers()])

    def decide(self, view: View) -> Decision[Outcomes]:
        """The ledger decides."""
        return Decision([], chains=self.chains)

    def _transfers(self) -> Iterator[Transfer]:
        return (found for chain in self.chains for found in chain)


class SetLimits(msgspec.Struct, frozen=True):
    """Set the limits of an account, which opens it. The answer is one outcome: None if it is so now."""

    book: int
    seed: bytes
    change: LimitChange
    actor: str = "operator"

    def reads(self) -> Reads:
        """The account."""
        return Reads((), (self.change.account,))

    def decide(self, view: View) -> Decision[list[Refusal | None]]:
        """The ledger decides; the audit log says who asked."""
        limits = self.change.limits
        wanted = [self.change.currency, limits.overdraft_max, limits.overcredit_max]
        note = Note("set_limits", self.change.account, msgspec.json.encode(wanted).decode())
        return Decision([], limits=self.change, notes=(note,))
