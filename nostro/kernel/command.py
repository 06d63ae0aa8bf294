"""Commands: what the committer decides in batches.

A command declares the rows and accounts it reads and has a pure `decide`: the same view gives the same decision,
ids included, since they come from the command's own seed. A refusal is an answer, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.ids import Mint
from nostro.kernel.posting import Balance, Hold, LimitChange, Transfer
from nostro.kernel.table import Table

A = TypeVar("A")
R = TypeVar("R", bound=msgspec.Struct)


class Reads(msgspec.Struct, frozen=True):
    """What a command reads: rows by table and id, ledger accounts by code, holds by id.

    `transfers` are ids that may have been used before; whoever invents ids of his own declares them.
    """

    rows: Sequence[tuple[Table[Any], str]] = ()
    accounts: Sequence[str] = ()
    holds: Sequence[str] = ()
    transfers: Sequence[str] = ()


class Note(msgspec.Struct, frozen=True):
    """Something for the audit log that no row's state shows. `changes` is JSON text.

    `actor` and `outcome` are given where they are not the command's own.
    """

    action: str
    subject: str
    changes: str
    actor: str | None = None
    outcome: str | None = None


class View(Protocol):
    """The world as one command sees it: committed rows under the effects of the commands before it."""

    now: BusinessTime
    system_now: SystemTime
    mint: Mint

    def get(self, table: Table[R], key: str) -> R | None:
        """A declared row, or None. Raises OurMistake for one that was not declared."""

    def balance(self, code: str) -> Balance:
        """The balance of a declared account; all zeros if it has never been used."""

    def limits(self, code: str) -> LimitChange | None:
        """Currency and limits of a declared account; None if there is no such account."""

    def hold(self, identifier: str) -> Hold | None:
        """A declared hold."""

    def transfer(self, identifier: str) -> Transfer | None:
        """A declared transfer as it was posted or refused before."""


class Decision(Generic[A]):
    """What a command does: rows to insert or replace, transfers (one chain: all or none), and its answer.

    The ledger's own commands give `chains` or `limits` instead: each is accepted or refused by itself, and the answer is
    what became of them. `notes` go to the audit log.
    """

    __slots__ = ("answer", "chains", "deletes", "limits", "notes", "rows", "transfers")

    def __init__(
        self,
        answer: A,
        rows: Sequence[tuple[Table[Any], Any]] = (),
        transfers: Sequence[Transfer] = (),
        deletes: Sequence[tuple[Table[Any], str]] = (),
        *,
        chains: Sequence[Sequence[Transfer]] | None = None,
        limits: LimitChange | None = None,
        notes: Sequence[Note] = (),
    ) -> None:
        self.answer, self.rows, self.transfers, self.deletes = answer, rows, transfers, deletes
        self.chains, self.limits, self.notes = chains, limits, notes


class Command(Protocol[A]):
    """One unit of decision within one book. `seed` is 16 random bytes for the ids it mints."""

    @property
    def book(self) -> int: ...
    @property
    def seed(self) -> bytes: ...
    def reads(self) -> Reads: ...
    def decide(self, view: View) -> Decision[A]: ...
