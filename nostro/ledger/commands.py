"""What anyone may ask of the ledger alone: post transfers, open an account, set its limits, erase metadata."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.posting import LimitChange, Transfer
from nostro.ledger.bounds import check_chains, check_id, check_limits, check_reason
from nostro.ledger.refusals import Refusal
from nostro.ledger.store import METADATA

Outcomes = list[list[Refusal | None]]


class PostTransfers(msgspec.Struct, frozen=True):
    """Post chains of transfers in order; each chain is all or none, a lone transfer is a chain of one.

    The answer has, chain by chain, an outcome for each transfer: None if it is posted. A transfer whose id was used before
    has the outcome it had then, or `id_taken` if it asks for something else. Raises InvalidArgument when it is made.
    """

    book: int
    seed: bytes
    chains: tuple[tuple[Transfer, ...], ...]
    actor: str = "operator"

    def __post_init__(self) -> None:
        check_chains(self.chains)

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

    def __post_init__(self) -> None:
        check_limits(self.change)

    def reads(self) -> Reads:
        """The account."""
        return Reads((), (self.change.account,))

    def decide(self, view: View) -> Decision[list[Refusal | None]]:
        """The ledger decides; the audit log says who asked."""
        return Decision([], limits=self.change, notes=(_note("set_limits", self.change),))


class OpenAccount(msgspec.Struct, frozen=True):
    """Open an account with its limits. One that is there already is left as it is: refused if it has others."""

    book: int
    seed: bytes
    change: LimitChange
    actor: str = "operator"

    def __post_init__(self) -> None:
        check_limits(self.change)

    def reads(self) -> Reads:
        """The account."""
        return Reads((), (self.change.account,))

    def decide(self, view: View) -> Decision[list[Refusal | None]]:
        """Opened by setting its limits; nothing to do if it is there."""
        found = view.limits(self.change.account)
        if found is None:
            note = _note("open_account", self.change)
            return Decision([], limits=self.change, notes=(note,))
        if found.currency != self.change.currency:
            return Decision([Refusal.CURRENCY_DIFFERS])
        return Decision([None if found == self.change else Refusal.LIMITS_DIFFER])


class Erasure(Enum):
    """What became of a wish to erase."""

    DONE = "done"
    NOTHING_THERE = "nothing there"
    NOT_YET = "not yet"  # it is written by this very batch: ask again


class EraseMetadata(msgspec.Struct, frozen=True):
    """Erase a transfer's metadata; their salted hash stays in the book. Erasing again changes nothing."""

    book: int
    seed: bytes
    transfer: str
    reason: str
    actor: str = "operator"

    def __post_init__(self) -> None:
        check_id("transfer", self.transfer)
        check_reason(self.reason)

    def reads(self) -> Reads:
        """The metadata, and the transfer they belong to."""
        return Reads([(METADATA, self.transfer)], transfers=(self.transfer,))

    def decide(self, view: View) -> Decision[Erasure]:
        """The row goes, and the audit log says who wanted it and why."""
        if view.get(METADATA, self.transfer) is None:
            found = view.transfer(self.transfer)
            waits = found is not None and found.metadata is not None
            return Decision(Erasure.NOT_YET if waits else Erasure.NOTHING_THERE)
        changes = msgspec.json.encode({"reason": self.reason}).decode()
        return Decision(
            Erasure.DONE,
            deletes=[(METADATA, self.transfer)],
            notes=(Note("metadata.erased", self.transfer, changes),),
        )


def _note(action: str, change: LimitChange) -> Note:
    limits = change.limits
    wanted = [change.currency, limits.overdraft_max, limits.overcredit_max]
    return Note(action, change.account, msgspec.json.encode(wanted).decode())
