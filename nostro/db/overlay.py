"""The view of one batch: committed rows under the effects of the commands decided so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from nostro.audit.record import AuditRecord
from nostro.db.trail import Trail
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Command, Decision, Reads
from nostro.kernel.errors import LedgerRefused, OurMistake
from nostro.kernel.ids import Mint
from nostro.kernel.posting import Balance, Hold, LimitChange, Transfer
from nostro.kernel.table import Table
from nostro.ledger.fold import Fold

R = TypeVar("R", bound=msgspec.Struct)
Key = tuple[str, str]
_UNREAD = object()


class Overlay:
    """Rows by table and id; what is new, changed or gone is written once, in its last state."""

    def __init__(
        self,
        committed: dict[Key, Any],
        fold: Fold,
        now: BusinessTime,
        system: SystemTime,
        salt: Callable[[], bytes],
    ):
        self.rows = committed
        self._salt = salt
        self.fold = fold
        self.now, self.system_now = now, system
        self.inserted: dict[Table[Any], dict[str, Any]] = {}
        self.updated: dict[Table[Any], dict[str, Any]] = {}
        self.deleted: dict[Table[Any], dict[str, None]] = {}
        self.audit: list[AuditRecord] = []

    def decide(self, command: Command[Any], reads: Reads) -> Any:
        """Let one command decide and keep its effects. An exception leaves the overlay as it was, but for what
        the ledger refused: that is a fact of the book, whatever becomes of the command."""
        decision = command.decide(_CommandView(self, command, reads))
        self._check(decision)
        trail = Trail(self.rows, self.fold.holds, decision)
        if decision.transfers:
            refusal = self.fold.post_chain(decision.transfers)
            if refusal is not None:
                raise LedgerRefused(f"{type(command).__name__}: {refusal}")
        answer = self._ledger_answer(decision, decision.answer)
        self.audit += trail.records(command, answer, self.fold.holds, self._salt)
        self._keep(decision)
        return answer

    def _ledger_answer(self, decision: Decision[Any], answer: Any) -> Any:
        """What the ledger made of chains or limits, which are decided one by one; else the command's own answer."""
        if decision.chains is not None:
            return [self.fold.post_each(chain) for chain in decision.chains]
        return [self.fold.limit(decision.limits)] if decision.limits else answer

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written."""
        written = self.inserted or self.updated or self.deleted
        return not (written or self.audit) and self.fold.is_empty

    def _check(self, decision: Decision[Any]) -> None:
        """Whatever may fail does so here, before anything of the decision is kept."""
        for table, row in decision.rows:
            if not isinstance(row, table.row):
                raise OurMistake(f"{type(row).__name__} is no row of {table.name}")
            key = table.key_of(row)
            found = self.rows.get((table.name, key))  # raises for a key that cannot be one
            if table.update is None and found and key not in self.inserted.get(table, ()):
                raise OurMistake(f"{table.name} is append-only")
        for table, key in decision.deletes:
            if table.delete is None:
                raise OurMistake(f"rows of {table.name} are never deleted")
            if self.rows.get((table.name, key), _UNREAD) is None:
                raise OurMistake(f"{table.name} {key} is gone already")

    def _keep(self, decision: Decision[Any]) -> None:
        for table, row in decision.rows:
            key = table.key_of(row)
            if self.rows.get((table.name, key)) is None:
                self.inserted.setdefault(table, {})[key] = row
            elif key in self.inserted.get(table, ()):
                self.inserted[table][key] = row
            else:
                self.updated.setdefault(table, {})[key] = row
            self.rows[table.name, key] = row
        for table, key in decision.deletes:
            self._delete(table, key)
            self.rows[table.name, key] = None

    def _delete(self, table: Table[Any], key: str) -> None:
        """A row that this batch inserted was never there; another goes, whatever was changed of it."""
        if self.inserted.get(table, {}).pop(key, None) is None:
            self.updated.get(table, {}).pop(key, None)
            self.deleted.setdefault(table, {})[key] = None


class _CommandView:
    """What one command may see: only what it declared."""

    __slots__ = (
        "_accounts", "_declared", "_holds", "_overlay", "_transfers", "mint", "now", "system_now",
    )  # fmt: skip

    def __init__(self, overlay: Overlay, command: Command[Any], reads: Reads) -> None:
        self._overlay = overlay
        self._declared = {(table.name, key) for table, key in reads.rows}
        self._accounts, self._holds = reads.accounts, reads.holds
        self._transfers = reads.transfers
        self.now, self.system_now = overlay.now, overlay.system_now
        self.mint = Mint(command.seed, command.book, overlay.now)

    def get(self, table: Table[R], key: str) -> R | None:
        """A declared row, or None."""
        identity = (table.name, key)
        if identity not in self._declared:
            raise OurMistake(f"{table.name} {key} was read but not declared")
        row: R | None = self._overlay.rows.get(identity)
        return row

    def balance(self, code: str) -> Balance:
        """The balance of a declared account."""
        if code not in self._accounts:
            raise OurMistake(f"account {code} was read but not declared")
        account = self._overlay.fold.accounts.get(code)
        return account.balance() if account else Balance()

    def limits(self, code: str) -> LimitChange | None:
        """Currency and limits of a declared account; None if there is no such account."""
        if code not in self._accounts:
            raise OurMistake(f"account {code} was read but not declared")
        account = self._overlay.fold.accounts.get(code)
        return LimitChange(code, account.currency, account.limits()) if account else None

    def hold(self, identifier: str) -> Hold | None:
        """A declared hold."""
        if identifier not in self._holds:
            raise OurMistake(f"hold {identifier} was read but not declared")
        return self._overlay.fold.holds.get(identifier)

    def transfer(self, identifier: str) -> Transfer | None:
        """A declared transfer as it was posted or refused before."""
        if identifier not in self._transfers:
            raise OurMistake(f"transfer {identifier} was read but not declared")
        known = self._overlay.fold.known.get(identifier)
        return known.transfer if known else None
