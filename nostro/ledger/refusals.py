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


MEANINGS: dict[Refusal, str] = {
    Refusal.ID_TAKEN: "The id was used for other terms, or twice in one chain, or another id of the chain was used "
    "before. Nothing is recorded.",
    Refusal.AMOUNT_NOT_POSITIVE: "The amount is zero or below.",
    Refusal.ACCOUNTS_ARE_THE_SAME: "Debit and credit are one account.",
    Refusal.CURRENCY_DIFFERS: "An account has another currency than the transfer.",
    Refusal.LIMITS_DIFFER: "The account is there already, with other limits. Of `open_account` alone.",
    Refusal.HOLD_NOT_FOUND: "No hold of that id was ever accepted.",
    Refusal.HOLD_NOT_OPEN: "The hold reserves nothing any more.",
    Refusal.HOLD_EXPIRED: "A capture after the hold's `expires_ms`.",
    Refusal.HOLD_NOT_DUE: "An expiry before the hold's `expires_ms`.",
    Refusal.HOLD_DIFFERS: "The accounts are not the hold's, or a void or an expiry releases less than all that is left.",
    Refusal.EXCEEDS_HOLD: "More than the hold still reserves.",
    Refusal.EXCEEDS_CREDITS: "The debited account would owe more than its `overdraft_max`.",
    Refusal.EXCEEDS_DEBITS: "The credited account would be owed more than its `overcredit_max`.",
    Refusal.BALANCE_TOO_LARGE: "A counter would pass 2^63 - 1.",
    Refusal.LINKED_TRANSFER_FAILED: "Another transfer of its chain was refused.",
}
