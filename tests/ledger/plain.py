"""A ledger in the plainest words, written from the reference alone: it judges the fold and the database.

It keeps no counters and no remainders: both are summed anew from everything that was ever accepted. A reason is a
question of its own, and the questions are asked in the order in which the reference lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nostro.kernel.posting import Kind, Limits, Transfer
from nostro.ledger.refusals import Refusal

DAY_MS = 86_400_000
MOST = 2**63 - 1
Outcome = Refusal | None
Counters = tuple[int, int, int, int, int]


class Done(NamedTuple):
    """An accepted transfer, and what it moved."""

    transfer: Transfer
    posted: int
    pending: int


class PlainLedger:
    """One book. `now` is its business time in milliseconds."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.done: list[Done] = []
        self.limits: dict[str, Limits] = {}
        self.currencies: dict[str, str] = {}
        self.told: dict[str, tuple[Transfer, Outcome]] = {}

    def limit(self, code: str, currency: str, limits: Limits) -> None:
        """For accounts that have not moved yet."""
        self.currencies[code], self.limits[code] = currency, limits

    def post(self, chain: Sequence[Transfer]) -> list[Outcome]:
        """Post a chain, which may be of one."""
        ids = [found.id for found in chain]
        if len(set(ids)) < len(ids) and len(ids) > 1:
            return [Refusal.ID_TAKEN for _ in chain]
        if any(identifier in self.told for identifier in ids):
            return [self._told_before(found) for found in chain]
        before, currencies = len(self.done), dict(self.currencies)
        for place, transfer in enumerate(chain):
            reason = self._try(transfer)
            if reason is not None:
                del self.done[before:]
                self.currencies = currencies
                outcomes: list[Outcome] = [Refusal.LINKED_TRANSFER_FAILED] * len(chain)
                outcomes[place] = reason
                self._remember(chain, outcomes)
                return outcomes
        outcomes = [None] * len(chain)
        self._remember(chain, outcomes)
        return outcomes

    def _told_before(self, transfer: Transfer) -> Outcome:
        if transfer.id not in self.told:
            return Refusal.ID_TAKEN
        before, outcome = self.told[transfer.id]
        names = [name for name in transfer.__struct_fields__ if name != "effective_on"]
        same = all(getattr(before, name) == getattr(transfer, name) for name in names)
        wanted, day = transfer.effective_on, before.effective_on
        if outcome is None and day is None:
            day = self.now // DAY_MS
        return outcome if same and wanted in (None, day) else Refusal.ID_TAKEN

    def _remember(self, chain: Sequence[Transfer], outcomes: list[Outcome]) -> None:
        for transfer, outcome in zip(chain, outcomes, strict=True):
            self.told[transfer.id] = (transfer, outcome)

    def _try(self, transfer: Transfer) -> Outcome:
        for code in (transfer.debit, transfer.credit):
            self.currencies.setdefault(code, transfer.currency)
        for reason, holds in _QUESTIONS:
            if holds(self, transfer):
                return reason
        self.done.append(Done(transfer, *self.movement(transfer)))
        return None

    def hold(self, transfer: Transfer) -> Transfer | None:
        """The hold that a transfer acts on."""
        for found in self.done:
            if found.transfer.kind is Kind.HOLD and found.transfer.id == transfer.hold:
                return found.transfer
        return None

    def remaining(self, hold: Transfer) -> int:
        """What a hold still reserves."""
        return sum(d.pending for d in self.done if hold.id in (d.transfer.id, d.transfer.hold))

    def movement(self, transfer: Transfer) -> tuple[int, int]:
        """What is added to the posted and to the pending counters of both accounts."""
        if transfer.kind is Kind.SINGLE:
            return transfer.amount, 0
        if transfer.kind is Kind.HOLD:
            return 0, transfer.amount
        if transfer.kind is Kind.CAPTURE:
            hold = self.hold(transfer)
            assert hold is not None
            gone = self.remaining(hold) if transfer.final else transfer.amount
            return transfer.amount, -gone
        return 0, -transfer.amount

    def counters(self, code: str) -> Counters:
        """Debits and credits posted, debits and credits pending, entries."""
        debits = [d for d in self.done if d.transfer.debit == code]
        credits = [d for d in self.done if d.transfer.credit == code]
        return (
            sum(d.posted for d in debits), sum(d.posted for d in credits),
            sum(d.pending for d in debits), sum(d.pending for d in credits),
            len(debits) + len(credits),
        )  # fmt: skip

    def holds(self) -> dict[str, int]:
        """What each hold still reserves, by id."""
        made = [d.transfer for d in self.done if d.transfer.kind is Kind.HOLD]
        return {hold.id: self.remaining(hold) for hold in made}


def _currency_differs(book: PlainLedger, asked: Transfer) -> bool:
    return any(book.currencies[code] != asked.currency for code in (asked.debit, asked.credit))


def _acts(asked: Transfer) -> bool:
    return asked.kind in (Kind.CAPTURE, Kind.VOID, Kind.EXPIRE)


def _is_over(book: PlainLedger, asked: Transfer) -> bool:
    """Whether the time of the hold that is acted on is over."""
    hold = book.hold(asked)
    return hold is not None and hold.expires_ms is not None and book.now >= hold.expires_ms


def _expired(book: PlainLedger, asked: Transfer) -> bool:
    return asked.kind is Kind.CAPTURE and _is_over(book, asked)


def _not_due(book: PlainLedger, asked: Transfer) -> bool:
    hold = book.hold(asked)
    timed = hold is not None and hold.expires_ms is not None
    return asked.kind is Kind.EXPIRE and timed and not _is_over(book, asked)


def _hold_differs(book: PlainLedger, asked: Transfer) -> bool:
    hold = book.hold(asked)
    if not _acts(asked) or hold is None:
        return False
    in_part = asked.kind is not Kind.CAPTURE and asked.amount < book.remaining(hold)
    return in_part or asked.debit != hold.debit or asked.credit != hold.credit


def _exceeds_hold(book: PlainLedger, asked: Transfer) -> bool:
    hold = book.hold(asked)
    return _acts(asked) and hold is not None and asked.amount > book.remaining(hold)


def _not_open(book: PlainLedger, asked: Transfer) -> bool:
    hold = book.hold(asked)
    return _acts(asked) and hold is not None and book.remaining(hold) == 0


def _exceeds_credits(book: PlainLedger, asked: Transfer) -> bool:
    most = book.limits.get(asked.debit, Limits()).overdraft_max
    posted, pending = book.movement(asked)
    debits, credits, reserved, _, _ = book.counters(asked.debit)
    return most is not None and debits + posted + reserved + pending - credits > most


def _exceeds_debits(book: PlainLedger, asked: Transfer) -> bool:
    most = book.limits.get(asked.credit, Limits()).overcredit_max
    posted, pending = book.movement(asked)
    debits, credits, _, reserved, _ = book.counters(asked.credit)
    return most is not None and credits + posted + reserved + pending - debits > most


def _too_large(book: PlainLedger, asked: Transfer) -> bool:
    moved = sum(book.movement(asked))
    debited, credited = book.counters(asked.debit), book.counters(asked.credit)
    return debited[0] + debited[2] + moved > MOST or credited[1] + credited[3] + moved > MOST


_QUESTIONS = (
    (Refusal.AMOUNT_NOT_POSITIVE, lambda book, asked: asked.amount <= 0),
    (Refusal.ACCOUNTS_ARE_THE_SAME, lambda book, asked: asked.debit == asked.credit),
    (Refusal.CURRENCY_DIFFERS, _currency_differs),
    (Refusal.HOLD_NOT_FOUND, lambda book, asked: _acts(asked) and book.hold(asked) is None),
    (Refusal.HOLD_NOT_OPEN, _not_open),
    (Refusal.HOLD_EXPIRED, _expired),
    (Refusal.HOLD_NOT_DUE, _not_due),
    (Refusal.HOLD_DIFFERS, _hold_differs),
    (Refusal.EXCEEDS_HOLD, _exceeds_hold),
    (Refusal.EXCEEDS_CREDITS, _exceeds_credits),
    (Refusal.EXCEEDS_DEBITS, _exceeds_debits),
    (Refusal.BALANCE_TOO_LARGE, _too_large),
)
