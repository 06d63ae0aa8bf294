"""On which side of an account its balance is counted: assets and expenses on the debit side, what we owe or earn on the other."""

from __future__ import annotations

from nostro.kernel.posting import Balance

DEBIT, CREDIT = "debit", "credit"
# By the beginning of the code; the longest that fits counts. What is not named is counted on the debit side.
_CREDIT = ("merchant:", "platform:fees:")
_BANK, _OUTGOING = "bank:", ":outgoing:"


def normal_side(code: str) -> str:
    """`debit` or `credit`."""
    outgoing = code.startswith(_BANK) and _OUTGOING in code
    return CREDIT if outgoing or code.startswith(_CREDIT) else DEBIT


def signed(code: str, debits: int, credits: int) -> int:
    """Debits and credits of an account as one amount, positive on its normal side."""
    return credits - debits if normal_side(code) == CREDIT else debits - credits


def posted(code: str, balance: Balance) -> int:
    """The account's balance, holds left out."""
    return signed(code, balance.debits_posted, balance.credits_posted)


def pending(code: str, balance: Balance) -> int:
    """What open holds would add to the balance if they were captured in full."""
    return signed(code, balance.debits_pending, balance.credits_pending)
