"""The chart of accounts: codes of the accounts that card payments reach, per currency (DESIGN §4.1)."""

from __future__ import annotations


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
