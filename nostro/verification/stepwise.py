"""Goes through a batch that does not come out as stored, step by step, and names what differs.

After a difference what is stored is adopted. Whether the row that differs or the ones after it were changed shows at the
account's next entry: if that one follows from what should have been, the doubt is over and nothing more is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.kernel.errors import OurMistake
from nostro.kernel.posting import Hold, Kind
from nostro.ledger.fold import Account, Fold
from nostro.verification.findings import Findings
from nostro.verification.rows import Row
from nostro.verification.steps import (
    KINDS,
    BatchRows,
    Limited,
    Posted,
    posted_transfer,
    refused_transfer,
    steps_of,
)
from nostro.verification.world import Before, World

# What the fold may raise over rows that were tampered with: a NULL amount, a kind that there is not.
MISFITS = (TypeError, ValueError, KeyError, IndexError, AttributeError, OurMistake)
Vector = tuple[int, ...]
NOTHING: Vector = (0, 0, 0, 0, 0)


class Stepwise:
    """One batch, step by step."""

    def __init__(self, world: World, at_ms: int, rows: BatchRows, findings: Findings) -> None:
        self._world, self._at_ms, self._rows, self._findings = world, at_ms, rows, findings
        self._ordinal = 0
        self._after_seq = world.last_seq
        self._entries: dict[Any, list[Row]] = {}
        for entry in rows.entries:
            self._entries.setdefault(entry[0], []).append(entry)

    def run(self) -> None:
        """Name every difference; the world is then as the stored entries have it."""
        for step in steps_of(self._rows):
            if isinstance(step, Posted):
                self._posted(step.rows)
            elif isinstance(step, Limited):
                self._limited(step.row)
            else:
                self._refused(step.rows)
        for entries in self._entries.values():  # of transfers that are not there
            for entry in entries:
                self._name_entry(entry, "an entry more than its transfer makes")
                self._adopt(entry)

    # Chains that were posted

    def _posted(self, rows: Sequence[Row]) -> None:
        world, codes = self._world, self._world.codes
        both = [codes[number] for row in rows for number in row[11:13]]
        earlier = Before(world, both, [row[3] or row[1] for row in rows])
        fold = world.fold(_number(rows[0][0]), self._at_ms)
        why = self._why_not_posted(fold, rows)
        if why is None:
            world.next_number = fold.next_number
            after: list[tuple[Vector, Vector]]
            after = [(found.debit.after, found.credit.after) for found in fold.posted]
        else:
            for row in rows:
                self._outcome(f"transfer {row[0]}", why)
            earlier.put_back()
            after = [self._forced(row) for row in rows]
        self._compare(rows, after)
        self._after_seq = _number(rows[-1][0])

    def _why_not_posted(self, fold: Fold, rows: Sequence[Row]) -> str | None:
        """What differs from the stored outcome of a chain, if anything does."""
        try:
            refusal = fold.post_chain([posted_transfer(row, self._world.codes) for row in rows])
        except MISFITS as error:
            return f"it cannot be decided again: {error!r}"
        if refusal is not None:
            return f"posted, and would be refused: {refusal}"
        for row, found in zip(rows, fold.posted, strict=True):
            made = (found.posted, found.pending, found.debit.account, found.credit.account)
            if made != (row[7], row[8], *row[11:13]):
                return (
                    f"posted, pending, debit, credit: {(row[7], row[8], *row[11:13])}, not {made}"
                )
            if found.chain != row[2]:
                return "its chain is not that of its neighbours"
        return None

    def _forced(self, row: Row) -> tuple[Vector, Vector]:
        """Move both accounts and the hold as the stored row says, whatever the ledger would say."""
        posted, pending = _number(row[7], 0), _number(row[8], 0)
        debit, credit = self._account(row[11], row[13]), self._account(row[12], row[13])
        debit.restore(_sum(debit.counters(), (posted, 0, pending, 0, 1)))
        credit.restore(_sum(credit.counters(), (0, posted, 0, pending, 1)))
        self._force_hold(row, pending)
        return debit.counters(), credit.counters()

    def _account(self, number: int, currency: str) -> Account:
        world = self._world
        code = world.codes[number]
        account = world.accounts.get(code)
        if account is None:
            account = world.accounts[code] = Account(code, currency, _number(number))
            world.next_number = max(world.next_number, _number(number) + 1)
        return account

    def _force_hold(self, row: Row, pending: int) -> None:
        kind, holds, codes = KINDS.get(row[4]), self._world.holds, self._world.codes
        if kind is Kind.HOLD:
            holds[row[1]] = Hold(
                row[1], codes[row[11]], codes[row[12]], row[13], pending, pending, pending > 0,
                row[15], row[10],
            )  # fmt: skip
        elif row[3] in holds:
            hold = holds[row[3]]
            left = hold.remaining + pending
            holds[row[3]] = Hold(
                hold.id, hold.debit, hold.credit, hold.currency, hold.amount, left, left > 0,
                hold.subject, hold.expires_ms,
            )  # fmt: skip

    # Entries

    def _compare(self, rows: Sequence[Row], after: Sequence[tuple[Vector, Vector]]) -> None:
        """The entries of a chain with what they should be, shifted by what was adopted before."""
        shifts: dict[int, Vector] = {}
        for row, (debit, credit) in zip(rows, after, strict=True):
            stored = self._entries.pop(row[0], [])
            for side, number, counters in (("d", row[11], debit), ("c", row[12], credit)):
                entry = next((e for e in stored if e[1] == side), None)
                if entry is None:
                    entry = next((e for e in stored if e[2] == number), None)
                if entry is None:
                    self._findings.add(
                        "entries", f"account {number} version {counters[4]}",
                        f"no entry of transfer {row[0]}",
                    )  # fmt: skip
                    continue
                stored.remove(entry)
                shift = shifts.get(number, NOTHING)
                wanted = (row[0], side, number, row[7], row[8], *_sum(counters, shift))
                shifts[number] = _sum(shift, self._compared(entry, wanted))
            for entry in stored:
                self._name_entry(entry, f"one entry more of transfer {row[0]}")
        for number, shift in shifts.items():
            account = self._world.accounts.get(self._world.codes[number])
            if account is not None:
                account.restore(_sum(account.counters(), shift))

    def _compared(self, entry: Row, wanted: Row) -> Vector:
        """What has to be added to the account from here on, so that it goes on from the stored entry."""
        doubts, number = self._world.doubts, wanted[2]
        if entry == wanted:
            doubts.pop(number, None)
            return NOTHING
        doubt = doubts.pop(number, None)
        if doubt is not None and entry == (*wanted[:5], *_sum(wanted[5:], doubt)):
            return doubt
        self._name_entry(entry, f"{entry[:5] + entry[5:]}, and should be {wanted}")
        if not all(isinstance(value, int) for value in entry[5:]):
            return NOTHING
        doubts[number] = _sum(wanted[5:], entry[5:], -1)
        shift: Vector = _sum(entry[5:], wanted[5:], -1)
        return shift

    def _name_entry(self, entry: Row, detail: str) -> None:
        self._findings.add("entries", f"account {entry[2]} version {entry[9]}", detail)

    def _adopt(self, entry: Row) -> None:
        account = self._world.accounts.get(self._world.codes[entry[2]])
        if account is not None and all(isinstance(value, int) for value in entry[5:]):
            self._world.doubts[entry[2]] = _sum(account.counters(), entry[5:], -1)
            account.restore(entry[5:])

    # What was refused, and limits

    def _refused(self, rows: Sequence[Row]) -> None:
        world = self._world
        codes = [code for row in rows for code in row[11:13]]
        earlier = Before(world, codes, [row[5] or row[3] for row in rows])
        fold = world.fold(self._after_seq + 1, self._at_ms)
        try:
            refusal = fold.post_chain([refused_transfer(row) for row in rows])
        except MISFITS as error:
            self._differs(rows[0], f"it cannot be decided again: {error!r}")
            self._ordinal += len(rows)
            return
        if refusal is None:
            self._differs(rows[0], "refused, and would be posted")
            earlier.put_back()
        for row, found in zip(rows, fold.rejected, strict=False):
            self._ordinal += 1
            made = (self._ordinal, self._after_seq, found.chain, found.reason)
            if made != (row[1], row[2], row[4], row[16]):
                stored = (row[1], row[2], _hex(row[4]), row[16])
                made_shown = (*made[:2], _hex(found.chain), str(found.reason))
                self._differs(row, f"ordinal, after_seq, chain, reason: {stored}, not {made_shown}")
        self._ordinal += len(rows) - len(fold.rejected)

    def _differs(self, row: Row, detail: str) -> None:
        self._outcome(f"rejection {row[0]}/{row[1]}", detail)

    def _limited(self, row: Row) -> None:
        world = self._world
        self._ordinal += 1
        name = f"limit change {row[0]}/{row[1]}"
        fold = world.fold(self._after_seq + 1, self._at_ms)
        try:
            refusal = fold.limit(world.limit_change(row))
        except MISFITS as error:
            self._outcome(name, f"it cannot be decided again: {error!r}")
            return
        if refusal is not None:
            self._outcome(name, f"made, and would be refused: {refusal}")
            account = self._account(row[3], world.currencies.get(row[3], ""))
            account.overdraft_max, account.overcredit_max = row[4], row[5]
        else:
            world.next_number = fold.next_number
        number = world.accounts[world.codes[row[3]]].number
        made = (self._ordinal, self._after_seq, number)
        if made != (row[1], row[2], row[3]):
            self._outcome(name, f"ordinal, after_seq, account: {row[1:4]}, not {made}")

    def _outcome(self, subject: str, detail: str) -> None:
        self._findings.add("outcomes", subject, detail)


def _sum(one: Sequence[int], other: Sequence[int], sign: int = 1) -> Any:
    return tuple(a + sign * b for a, b in zip(one, other, strict=True))


def _number(value: Any, otherwise: int = -1) -> int:
    return value if isinstance(value, int) else otherwise


def _hex(value: Any) -> str | None:
    return value.hex() if isinstance(value, bytes) else value
