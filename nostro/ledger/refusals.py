"""Why the ledger refuses a transfer."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """The reasons, in order of precedence: the first that holds is the one that is given."""

    ID_TAKEN = "id_taken"  # by a transfer with other terms; the only refusal that leaves no row
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    ACCOUNTS_ARE_THE_SAME = "accounts_are_the_same"
    CURRENCY_DIFFERS = "currency_differs"
    LIMITS_DIFFER = "limits_differ"  # of an account to be opened; never of a transfer
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_NOT_OPEN = "hold_not_open"
    HOLD_EXPIRED = "hold_expired"
    HOLD_NOT_DUE = "hold_not_due"  # to expire
    HOLD_DIFFERS = "hold_differs"
    EXCEEDS_HOLD = "exceeds_hold"
    EXCEEDS_CREDITS = "exceeds_credits"
    EXCEEDS_DEBITS = "exceeds_debits"
    BALANCE_TOO_LARGE = "balance_too_large"
    LINKED_TRANSFER_FAILED = "linked_transfer_failed"
