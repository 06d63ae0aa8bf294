"""What a flow asks the ledger to do: transfers between two accounts of one currency.

Every room may ask; only `ledger` decides and writes. See DESIGN §4 for the kinds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """How a transfer moves money."""

    SINGLE = "single"  # posts at once
    HOLD = "hold"  # reserves, to be captured, voided or expired
    CAPTURE = "capture"  # posts a part of a hold, or all of it
    VOID = "void"  # releases what a hold still reserves
    EXPIRE = "expire"  # the same, because its time is over


class Transfer(msgspec.Struct, frozen=True):
    """One debit and one credit of the same amount.

    `id` is a time-ordered UUID as 32 hexadecimal digits. `debit` and `credit` are account codes such as
    `merchant:acct_1:pending:usd`. `amount` is in minor units, above zero; for a void or an expiry it is what is released.
    `hold` names the hold that a capture, void or expiry acts on; `final` releases what a capture leaves.
    `code` says why (sale, fee, refund…) and `subject` which object explains it.
    `effective_on` is the day it counts for, in days since 1970-01-01 (UTC); None is the day it is recorded.
    `expires_ms` is when a hold can no longer be captured (business time). `metadata` is JSON text that may be erased.
    """

    id: str
    kind: Kind
    debit: str
    credit: str
    amount: int
    currency: str
    code: str
    subject: str
    hold: str | None = None
    final: bool = False
    effective_on: int | None = None
    expires_ms: int | None = None
    metadata: str | None = None


class Limits(msgspec.Struct, frozen=True):
    """How far an account may go, in minor units; None: without bound. Holds count as if they were posted.

    `overdraft_max` is by how much debits may exceed credits, `overcredit_max` by how much credits may exceed debits.
    """

    overdraft_max: int | None = None
    overcredit_max: int | None = None


class LimitChange(msgspec.Struct, frozen=True):
    """New limits of an account, which is opened if there is none of that code."""

    account: str
    currency: str
    limits: Limits


class Balance(msgspec.Struct, frozen=True):
    """The four counters of an account, in minor units, and its version (entries so far)."""

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0
    version: int = 0

    @property
    def owed(self) -> int:
        """Credits less debits, posted: what a liability account owes."""
        return self.credits_posted - self.debits_posted

    @property
    def free(self) -> int:
        """What is owed and not reserved by a hold."""
        return self.owed - self.debits_pending


class Hold(msgspec.Struct, frozen=True):
    """A reservation: `remaining` minor units between two accounts, until captured, voided or expired."""

    id: str
    debit: str
    credit: str
    currency: str
    amount: int
    remaining: int
    open: bool
    subject: str
    expires_ms: int | None = None
