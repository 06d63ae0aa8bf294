"""The pure fold that decides transfers, one after another, exactly in order.

Outcome = f(accounts, holds, transfers): the same input always gives the same entries and refusals.
A chain is all or none: its first refusal undoes what came before it in the chain. What was refused is kept, whole and
in its place, so that a book can be decided again from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from nostro.kernel.errors import OurMistake
from nostro.kernel.posting import Balance, Hold, Kind, LimitChange, Limits, Transfer
from nostro.ledger.days import day_of
from nostro.ledger.refusals import Refusal

Counters = tuple[int, int, int, int, int]
COUNTER_MAX = 2**63 - 1
NO_LIMITS = Limits()


class Account:
    """The counters of one account while a batch is folded."""

    __slots__ = (
        "code", "cp", "cq", "currency", "dp", "dq", "is_new", "number", "overcredit_max", "overdraft_max", "version",
    )  # fmt: skip

    def __init__(
        self,
        code: str,
        currency: str,
        number: int,
        limits: Limits = NO_LIMITS,
        counters: Counters = (0, 0, 0, 0, 0),
        is_new: bool = False,
    ) -> None:
        self.code, self.currency, self.number = code, currency, number
        self.overdraft_max, self.overcredit_max = limits.overdraft_max, limits.overcredit_max
        self.dp, self.cp, self.dq, self.cq, self.version = counters
        self.is_new = is_new

    def balance(self) -> Balance:
        """The counters as a value."""
        return Balance(self.dp, self.cp, self.dq, self.cq, self.version)

    def limits(self) -> Limits:
        """How far it may go."""
        return Limits(self.overdraft_max, self.overcredit_max)

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

    __slots__ = ("chain", "credit", "debit", "pending", "posted", "transfer")

    def __init__(
        self,
        transfer: Transfer,
        chain: str | None,
        posted: int,
        pending: int,
        debit: Entry,
        credit: Entry,
    ) -> None:
        self.transfer, self.chain, self.posted, self.pending = transfer, chain, posted, pending
        self.debit, self.credit = debit, credit


class Rejected(NamedTuple):
    """A refused transfer, the `ordinal`th thing its batch did besides posting, after transfer `after_seq`."""

    transfer: Transfer
    chain: str | None
    reason: Refusal
    after_seq: int
    ordinal: int


class LimitsChanged(NamedTuple):
    """New limits of an account, in the same order as refusals."""

    account: Account
    limits: Limits
    after_seq: int
    ordinal: int


class Known(NamedTuple):
    """What became of a transfer before: posted, or refused for a reason. `erased`: its metadata is gone.

    `recorded_on` is the day it counts for if it was posted and names none.
    """

    transfer: Transfer
    reason: Refusal | None
    erased: bool = False
    recorded_on: int | None = None

    def is_same(self, other: Transfer) -> bool:
        """Whether another transfer of this id asks for the same. What it leaves open, or was erased, is not asked."""
        mine = self.transfer
        recorded = self.recorded_on if mine.effective_on is None else mine.effective_on
        day = recorded if other.effective_on is None else other.effective_on
        metadata = other.metadata if self.erased else mine.metadata
        same = replace(mine, effective_on=other.effective_on, metadata=metadata)
        return day == recorded and other == same


class Fold:
    """Accounts and holds of one batch, and what was accepted and refused so far.

    `next_transfer` is the number of the first transfer to be posted, `now_ms` the business time of the batch.
    """

    def __init__(
        self,
        accounts: dict[str, Account],
        holds: dict[str, Hold],
        next_number: int,
        next_transfer: int = 1,
        now_ms: int = 0,
        known: dict[str, Known] | None = None,
    ) -> None:
        self.accounts, self.holds, self.next_number = accounts, holds, next_number
        self.first_transfer, self.now_ms = next_transfer, now_ms
        self.known = known or {}
        self._today = day_of(now_ms)
        self.posted: list[Posted] = []
        self.rejected: list[Rejected] = []
        self.limits: list[LimitsChanged] = []
        self.touched_holds: dict[str, Hold] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was posted, refused or limited."""
        return not (self.posted or self.rejected or self.limits)

    @property
    def last_seq(self) -> int:
        """The number of the newest transfer."""
        return self.first_transfer + len(self.posted) - 1

    def account(self, code: str, currency: str) -> Account:
        """The account of that code, opened on first use."""
        account = self.accounts.get(code)
        if account is None:
            account = Account(code, currency, self.next_number, is_new=True)
            self.accounts[code] = account
            self.next_number += 1
        return account

    def limit(self, change: LimitChange) -> Refusal | None:
        """Set an account's limits, which opens it; refused if it already stands beyond them."""
        known = self.accounts.get(change.account)
        if known is not None and known.currency != change.currency:
            return Refusal.CURRENCY_DIFFERS
        counters = known.counters() if known else (0, 0, 0, 0, 0)
        probe = Account(change.account, change.currency, 0, change.limits, counters)
        refusal = _beyond_limits(probe, probe)
        if refusal is None:
            account = self.account(change.account, change.currency)
            account.overdraft_max, account.overcredit_max = (
                change.limits.overdraft_max,
                change.limits.overcredit_max,
            )
            self.limits.append(
                LimitsChanged(account, change.limits, self.last_seq, self._ordinal())
            )
        return refusal

    def post_each(self, chain: Sequence[Transfer]) -> list[Refusal | None]:
        """Post a chain, or find what became of it before: an outcome for each transfer, None for one posted."""
        before = [self.known.get(transfer.id) for transfer in chain]
        if len(chain) > 1 and len({transfer.id for transfer in chain}) < len(chain):
            return [Refusal.ID_TAKEN] * len(chain)
        if any(before):
            return [
                known.reason if known is not None and known.is_same(transfer) else Refusal.ID_TAKEN
                for known, transfer in zip(before, chain, strict=True)
            ]
        rejected = len(self.rejected)
        if self.post_chain(chain) is None:
            for found in chain:
                self.known[found.id] = Known(found, None, recorded_on=self._today)
            return [None] * len(chain)
        refused = self.rejected[rejected:]
        self.known.update(
            (found.transfer.id, Known(found.transfer, found.reason)) for found in refused
        )
        return [found.reason for found in refused]

    def post_chain(self, transfers: Sequence[Transfer]) -> Refusal | None:
        """Post all of them, or none and say why not. An exception leaves the fold as it was, too."""
        if len(transfers) == 1:
            return self._post_alone(transfers[0])
        chain = transfers[0].id
        journal = _Journal(self, transfers)
        try:
            for number, transfer in enumerate(transfers):
                debit = self.account(transfer.debit, transfer.currency)
                credit = self.account(transfer.credit, transfer.currency)
                journal.counters.append((debit, debit.counters(), credit, credit.counters()))
                refusal = self._post(transfer, debit, credit, chain)
                if refusal is not None:
                    journal.undo()
                    self._reject(transfers, chain, number, refusal)
                    return refusal
        except BaseException:
            journal.undo()
            raise
        return None

    def _post_alone(self, transfer: Transfer) -> Refusal | None:
        """The same for a lone transfer, whose refusal has only its own accounts to put back."""
        opened = self.next_number
        debit = self.account(transfer.debit, transfer.currency)
        credit = self.account(transfer.credit, transfer.currency)
        before = debit.counters(), credit.counters()
        refusal: Refusal | None = None
        posted = False
        try:
            refusal = self._post(transfer, debit, credit, None)
            posted = refusal is None
        finally:
            if not posted:
                credit.restore(before[1])
                debit.restore(before[0])
                self._close_since(opened)
        if refusal is not None:
            self._reject((transfer,), None, 0, refusal)
        return refusal

    def _close_since(self, number: int) -> None:
        """Close the accounts that were opened last, down to a number: they are the last of the dict."""
        while self.next_number > number:
            self.accounts.popitem()
            self.next_number -= 1

    def _reject(
        self, transfers: Sequence[Transfer], chain: str | None, number: int, reason: Refusal
    ) -> None:
        """Burn the ids of a whole chain; only the transfer that was refused itself has the reason."""
        for index, transfer in enumerate(transfers):
            why = reason if index == number else Refusal.LINKED_TRANSFER_FAILED
            self.rejected.append(Rejected(transfer, chain, why, self.last_seq, self._ordinal()))

    def _ordinal(self) -> int:
        return len(self.rejected) + len(self.limits) + 1

    def _post(
        self, transfer: Transfer, debit: Account, credit: Account, chain: str | None
    ) -> Refusal | None:
        refusal = _static_refusal(transfer, debit, credit)
        if refusal is not None:
            return refusal
        moved = self._movement(transfer)
        if isinstance(moved, Refusal):
            return moved
        posted, pending = moved
        debit.dp += posted
        debit.dq += pending
        credit.cp += posted
        credit.cq += pending
        refusal = _beyond_limits(debit, credit)
        if refusal is not None:
            return refusal
        debit.version += 1
        credit.version += 1
        self.posted.append(
            Posted(transfer, chain, posted, pending, Entry(debit, "d"), Entry(credit, "c"))
        )
        if transfer.kind is not Kind.SINGLE:
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
        return _movement_of_hold(transfer, hold, self.now_ms)

    def _keep_hold(self, transfer: Transfer, pending: int) -> None:
        if transfer.kind is Kind.HOLD:
            hold = Hold(
                transfer.id, transfer.debit, transfer.credit, transfer.currency,
                transfer.amount, transfer.amount, True, transfer.subject, transfer.expires_ms,
            )  # fmt: skip
        else:
            hold = self.holds[transfer.hold or ""]
            remaining = hold.remaining + pending
            hold = Hold(
                hold.id, hold.debit, hold.credit, hold.currency,
                hold.amount, remaining, remaining > 0, hold.subject, hold.expires_ms,
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
        fold._close_since(self._next_number)
        _put_back(fold.holds, self._holds)
        _put_back(fold.touched_holds, self._touched)


def _put_back(holds: dict[str, Hold], before: Sequence[tuple[str, Hold | None]]) -> None:
    for identifier, hold in before:
        if hold is None:
            holds.pop(identifier, None)
        else:
            holds[identifier] = hold


def _static_refusal(transfer: Transfer, debit: Account, credit: Account) -> Refusal | None:
    if not -COUNTER_MAX <= transfer.amount <= COUNTER_MAX:
        raise OurMistake(f"{transfer.amount} is no amount: it has more than 63 bits")
    if transfer.amount <= 0:
        return Refusal.AMOUNT_NOT_POSITIVE
    if debit is credit:
        return Refusal.ACCOUNTS_ARE_THE_SAME
    if debit.currency != transfer.currency or credit.currency != transfer.currency:
        return Refusal.CURRENCY_DIFFERS
    return None


def _beyond_limits(debit: Account, credit: Account) -> Refusal | None:
    """Whether the movement that was just added takes an account beyond its limits, or a counter beyond 64 bits."""
    most = debit.overdraft_max
    if most is not None and debit.dp - debit.cp + debit.dq > most:
        return Refusal.EXCEEDS_CREDITS
    most = credit.overcredit_max
    if most is not None and credit.cp - credit.dp + credit.cq > most:
        return Refusal.EXCEEDS_DEBITS
    if debit.dp + debit.dq > COUNTER_MAX or credit.cp + credit.cq > COUNTER_MAX:
        return Refusal.BALANCE_TOO_LARGE
    return None


def _movement_of_hold(transfer: Transfer, hold: Hold, now_ms: int) -> tuple[int, int] | Refusal:
    if not hold.open:
        return Refusal.HOLD_NOT_OPEN
    due = hold.expires_ms is not None and hold.expires_ms <= now_ms
    if due and transfer.kind is Kind.CAPTURE:
        return Refusal.HOLD_EXPIRED
    if hold.expires_ms is not None and not due and transfer.kind is Kind.EXPIRE:
        return Refusal.HOLD_NOT_DUE
    if (hold.debit, hold.credit) != (transfer.debit, transfer.credit):
        return Refusal.HOLD_DIFFERS
    if transfer.amount > hold.remaining:
        return Refusal.EXCEEDS_HOLD
    if transfer.kind is Kind.CAPTURE:
        return transfer.amount, -(hold.remaining if transfer.final else transfer.amount)
    return (0, -transfer.amount) if transfer.amount == hold.remaining else Refusal.HOLD_DIFFERS
