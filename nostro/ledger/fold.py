"""The pure fold that decides transfers, one after another, exactly in order.

Outcome = f(accounts, holds, transfers): the same input always gives the same entries and refusals.
A chain is all or none: its first refusal undoes what came before it in the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from nostro.kernel.posting import Balance, Hold, Kind, Transfer

Counters = tuple[int, int, int, int, int]
NORMAL, FLOOR = 0, 1  # FLOOR: debits may never exceed credits, holds included


class Refusal(StrEnum):
    """Why the ledger refuses a transfer, in order of precedence."""

    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    ACCOUNTS_ARE_THE_SAME = "accounts_are_the_same"
    CURRENCY_DIFFERS = "currency_differs"
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_NOT_OPEN = "hold_not_open"
    HOLD_DIFFERS = "hold_differs"
    EXCEEDS_HOLD = "exceeds_hold"
    EXCEEDS_CREDITS = "exceeds_credits"
    LINKED_TRANSFER_FAILED = "linked_transfer_failed"


class Account:
    """The counters of one account while a batch is folded."""

    __slots__ = ("code", "cp", "cq", "currency", "dp", "dq", "flags", "is_new", "number", "version")

    def __init__(
        self,
        code: str,
        currency: str,
        number: int,
        flags: int = NORMAL,
        counters: Counters = (0, 0, 0, 0, 0),
        is_new: bool = False,
    ) -> None:
        self.code, self.currency, self.number, self.flags = code, currency, number, flags
        self.dp, self.cp, self.dq, self.cq, self.version = counters
        self.is_new = is_new

    def balance(self) -> Balance:
        """The counters as a value."""
        return Balance(self.dp, self.cp, self.dq, self.cq, self.version)

    def counters(self) -> Counters:
        """Posted debits and credits, pending debits and credits, version."""
        return (self.dp, self.cp, self.dq, self.cq, self.version)

    def restore(self, counters: Counters) -> None:
        """Go back to earlier counters."""
        self.dp, self.cp, self.dq, self.cq, self.version = counters


class Entry:
    """One side of an accepted transfer, with the account's counters after it."""

    __slots__ = ("account", "after", "side")

    def __init__(self, account: Account, side: str) -> None:
        self.account, self.side, self.after = account.number, side, account.counters()


class Posted:
    """An accepted transfer: what it moved among posted and pending counters, and its two entries."""

    __slots__ = ("credit", "debit", "pending", "posted", "transfer")

    def __init__(
        self, transfer: Transfer, posted: int, pending: int, debit: Entry, credit: Entry
    ) -> None:
        self.transfer, self.posted, self.pending = transfer, posted, pending
        self.debit, self.credit = debit, credit


class Fold:
    """Accounts and holds of one batch, and what has been accepted so far."""

    def __init__(self, accounts: dict[str, Account], holds: dict[str, Hold], next_number: int):
        self.accounts, self.holds, self.next_number = accounts, holds, next_number
        self.posted: list[Posted] = []
        self.touched_holds: dict[str, Hold] = {}

    def account(self, code: str, currency: str) -> Account:
        """The account of that code, opened on first use."""
        account = self.accounts.get(code)
        if account is None:
            account = Account(code, currency, self.next_number, is_new=True)
            self.accounts[code] = account
            self.next_number += 1
        return account

    def post_chain(self, transfers: Sequence[Transfer]) -> Refusal | None:
        """Post all of them, or none and say why not. An exception leaves the fold as it was, too."""
        journal = _Journal(self, transfers)
        try:
            for transfer in transfers:
                debit = self.account(transfer.debit, transfer.currency)
                credit = self.account(transfer.credit, transfer.currency)
                journal.counters.append((debit, debit.counters(), credit, credit.counters()))
                refusal = self._post(transfer, debit, credit)
                if refusal is not None:
                    journal.undo()
                    return refusal
        except BaseException:
            journal.undo()
            raise
        return None

    def _post(self, transfer: Transfer, debit: Account, credit: Account) -> Refusal | None:
        refusal = _static_refusal(transfer, debit, credit)
        if refusal is not None:
            return refusal
        moved = self._movement(transfer)
        if isinstance(moved, Refusal):
            return moved
        posted, pending = moved
        if debit.flags & FLOOR and debit.dp + debit.dq + posted + pending > debit.cp:
            return Refusal.EXCEEDS_CREDITS
        debit.dp += posted
        debit.dq += pending
        debit.version += 1
        credit.cp += posted
        credit.cq += pending
        credit.version += 1
        self.posted.append(Posted(transfer, posted, pending, Entry(debit, "d"), Entry(credit, "c")))
        self._keep_hold(transfer, pending)
        return None

    def _movement(self, transfer: Transfer) -> tuple[int, int] | Refusal:
        """How much goes to posted and to pending counters, or why it may not."""
        if transfer.kind is Kind.SINGLE:
            return transfer.amount, 0
        if transfer.kind is Kind.HOLD:
            return 0, transfer.amount
        hold = self.holds.get(transfer.hold or "")
        if hold is None:
            return Refusal.HOLD_NOT_FOUND
        return _movement_of_hold(transfer, hold)

    def _keep_hold(self, transfer: Transfer, pending: int) -> None:
        if transfer.kind is Kind.SINGLE:
            return
        if transfer.kind is Kind.HOLD:
            hold = Hold(
                transfer.id, transfer.debit, transfer.credit, transfer.currency,
                transfer.amount, transfer.amount, True, transfer.subject,
            )  # fmt: skip
        else:
            hold = self.holds[transfer.hold or ""]
            remaining = hold.remaining + pending
            hold = Hold(
                hold.id, hold.debit, hold.credit, hold.currency,
                hold.amount, remaining, remaining > 0, hold.subject,
            )  # fmt: skip
        self.holds[hold.id] = self.touched_holds[hold.id] = hold


class _Journal:
    """What a chain found, so that its refusal leaves nothing behind: no account opened, no number taken."""

    __slots__ = ("_fold", "_holds", "_next_number", "_posted", "_touched", "counters")

    def __init__(self, fold: Fold, transfers: Sequence[Transfer]) -> None:
        self._fold, self._posted, self._next_number = fold, len(fold.posted), fold.next_number
        held = [found.hold or found.id for found in transfers if found.kind is not Kind.SINGLE]
        self._holds = [(hold, fold.holds.get(hold)) for hold in held]
        self._touched = [(hold, fold.touched_holds.get(hold)) for hold in held]
        self.counters: list[tuple[Account, Counters, Account, Counters]] = []

    def undo(self) -> None:
        """Put everything back."""
        fold = self._fold
        del fold.posted[self._posted :]
        for debit, debit_counters, credit, credit_counters in reversed(self.counters):
            credit.restore(credit_counters)
            debit.restore(debit_counters)
        while fold.next_number > self._next_number:  # the newest accounts are the last of the dict
            fold.accounts.popitem()
            fold.next_number -= 1
        _put_back(fold.holds, self._holds)
        _put_back(fold.touched_holds, self._touched)


def _put_back(holds: dict[str, Hold], before: Sequence[tuple[str, Hold | None]]) -> None:
    for identifier, hold in before:
        if hold is None:
            holds.pop(identifier, None)
        else:
            holds[identifier] = hold


def _static_refusal(transfer: Transfer, debit: Account, credit: Account) -> Refusal | None:
    if transfer.amount <= 0:
        return Refusal.AMOUNT_NOT_POSITIVE
    if debit is credit:
        return Refusal.ACCOUNTS_ARE_THE_SAME
    if debit.currency != transfer.currency or credit.currency != transfer.currency:
        return Refusal.CURRENCY_DIFFERS
    return None


def _movement_of_hold(transfer: Transfer, hold: Hold) -> tuple[int, int] | Refusal:
    if not hold.open:
        return Refusal.HOLD_NOT_OPEN
    if (hold.debit, hold.credit) != (transfer.debit, transfer.credit):
        return Refusal.HOLD_DIFFERS
    if transfer.amount > hold.remaining:
        return Refusal.EXCEEDS_HOLD
    if transfer.kind is Kind.CAPTURE:
        return transfer.amount, -(hold.remaining if transfer.final else transfer.amount)
    return (0, -transfer.amount) if transfer.amount == hold.remaining else Refusal.HOLD_DIFFERS
