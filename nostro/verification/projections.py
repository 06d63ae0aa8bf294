"""Compares what is kept of a history with what the history makes: accounts, holds, days of effect, the head."""

from __future__ import annotations

from collections.abc import Iterable

from nostro.verification.findings import Findings
from nostro.verification.header_chain import Position
from nostro.verification.rows import Row
from nostro.verification.world import World

HEAD = (
    "epoch", "next_seq", "next_transfer", "next_account", "next_batch", "next_audit", "last_ms",
    "last_leaf", "frontier",
)  # fmt: skip
ACCOUNT = (
    "account_no", "code", "currency", "overdraft_max", "overcredit_max", "debits_posted",
    "credits_posted", "debits_pending", "credits_pending", "version",
)  # fmt: skip
HOLD = (
    "hold_id", "debit", "credit", "currency", "amount", "remaining", "open", "subject",
    "expires_ms",
)  # fmt: skip


def compare_head(
    rows: list[Row], position: Position, next_account: int, broken: bool, findings: Findings
) -> None:
    """The head with where the last batch left the book. Rows that list things have a check of their own (next_seq)."""
    if not rows:
        findings.add("book_head", "book head", "missing")
        return
    if len(rows) > 1:
        findings.add("book_head", "book head", f"there are {len(rows)} of it")
    head = rows[0]
    epoch = position.epoch if position.batch_no else head[0]
    wanted = (
        epoch, head[1], position.next_transfer, next_account, position.batch_no + 1,
        position.next_audit, position.at_ms, position.leaf, position.frontier,
    )  # fmt: skip
    known = len(HEAD) - 2 if broken else len(HEAD)
    off = _off(HEAD[:known], head[:known], wanted[:known])
    if off:
        findings.add("book_head", "book head", off)


def compare_accounts(rows: Iterable[Row], world: World, findings: Findings) -> None:
    """Every account with the history's."""
    left = dict(world.accounts)
    for row in rows:
        found = left.pop(world.codes[row[0]], None)
        if found is None:
            detail = "no transfer and no change of limits has opened it"
            findings.add("accounts", f"account {row[0]}", detail)
            continue
        wanted = (
            found.number, found.code, found.currency, found.overdraft_max, found.overcredit_max,
            *found.counters(),
        )  # fmt: skip
        off = _off(ACCOUNT, row, wanted)
        if off:
            findings.add("accounts", f"account {row[0]}", off)
    for missing in left.values():
        findings.add("accounts", f"account {missing.number}", f"missing: {missing.code}")


def compare_hold(row: Row, world: World, findings: Findings) -> None:
    """A hold with the history's, which is then done with."""
    name = f"hold {_hex(row[0])}"
    found = world.holds.pop(row[0], None)
    if found is None:
        findings.add("holds", name, "no transfer has made it")
        return
    wanted = (
        found.id, found.debit, found.credit, found.currency, found.amount, found.remaining,
        found.open, found.subject, found.expires_ms,
    )  # fmt: skip
    off = _off(HOLD, row, wanted)
    if off:
        findings.add("holds", name, off)


def missing_holds(world: World, findings: Findings) -> None:
    """What is left after every hold was compared."""
    for identifier, hold in world.holds.items():
        findings.add("holds", f"hold {_hex(identifier)}", f"missing: of {hold.subject}")


def compare_day(row: Row, world: World, findings: Findings) -> None:
    """A day of effect with the history's, which is then done with."""
    account, day, debits, credits = row
    wanted = world.days.pop((account, day), None)
    if wanted != [debits, credits]:
        should = "nothing" if wanted is None else f"{wanted[0]} and {wanted[1]}"
        detail = f"debits {debits}, credits {credits}; the transfers give {should}"
        findings.add("effective_days", _day_name(account, day), detail)


def missing_days(world: World, findings: Findings) -> None:
    """What is left after every day was compared."""
    for account, day in world.days:
        findings.add("effective_days", _day_name(account, day), "missing")


def _day_name(account: object, day: object) -> str:
    return f"account {account} day {day}"


def _off(names: Iterable[str], stored: Iterable[object], wanted: Iterable[object]) -> str:
    """The columns that differ, with both values."""
    return "; ".join(
        f"{name} {_shown(is_)}, and should be {_shown(should)}"
        for name, is_, should in zip(names, stored, wanted, strict=True)
        if is_ != should or (is_ is None) != (should is None)
    )


def _shown(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _hex(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value
