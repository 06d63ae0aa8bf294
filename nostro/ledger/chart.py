"""The chart of accounts: codes of the accounts that card payments reach, per currency (DESIGN §4.1)."""

from __future__ import annotations

from enum import StrEnum


def clearing(acquirer: str, currency: str) -> str:
    """Asset: captured, not yet settled by that processor."""
    return f"acquirer:{acquirer}:clearing:{currency}"


def pending(merchant: str, currency: str) -> str:
    """Liability: owed to the merchant, not yet available."""
    return f"merchant:{merchant}:pending:{currency}"


def available(merchant: str, currency: str) -> str:
    """Liability: owed to the merchant and free to pay out."""
    return f"merchant:{merchant}:available:{currency}"


def in_doubt(merchant: str, currency: str) -> str:
    """Contingent liability: an unknown outcome, until evidence."""
    return f"merchant:{merchant}:in_doubt:{currency}"


def fees(currency: str) -> str:
    """Income: what merchants pay us."""
    return f"platform:fees:{currency}"


def incoming(bank: str, currency: str) -> str:
    """Asset: announced, not yet on a statement of that bank."""
    return f"bank:{bank}:incoming:{currency}"


class AccountKind(StrEnum):
    """What an account is to whoever keeps the book."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


_OWED = frozenset({"pending", "available", "reserve", "payouts", "disputed", "in_doubt"})


def kind_of(code: str) -> AccountKind:
    """By the chart. What may stand on either side, and codes that are not of the chart, are equity."""
    match code.split(":"):
        case ["acquirer", _, "clearing" | "disputes", *_] | ["bank", _, "cash" | "incoming", *_]:
            return AccountKind.ASSET
        case ["bank", _, "outgoing", *_]:
            return AccountKind.LIABILITY
        case ["merchant", _, name, *_] if name in _OWED:
            return AccountKind.LIABILITY
        case ["platform", "fees", *_]:
            return AccountKind.INCOME
        case ["platform", "costs" | "losses", *_]:
            return AccountKind.EXPENSE
        case _:
            return AccountKind.EQUITY
