"""What the ledger tells about its book: accounts, transfers, entries."""

from __future__ import annotations

import msgspec

from nostro.kernel.posting import Balance, Kind, Limits, Transfer
from nostro.ledger.refusals import Refusal


class Metadata(msgspec.Struct, frozen=True):
    """What a caller wrote beside a transfer, as JSON text; `salt` keeps its hash from being guessed."""

    transfer: str
    metadata: str
    salt: bytes


class LedgerAccount(msgspec.Struct, frozen=True):
    """An account as committed."""

    code: str
    currency: str
    limits: Limits
    balance: Balance


class Recorded(msgspec.Struct, frozen=True):
    """A transfer in the book. `refusal` is None for one that was posted, and `seq` its number; else `seq` is None.

    `transfer` is as it was asked for, but that what was posted has its day, and that erased metadata are None.
    `chain` is the id of the first transfer of its chain, None if it was alone. `at_ms` is the business time.
    """

    transfer: Transfer
    refusal: Refusal | None
    batch: int
    at_ms: int
    seq: int | None = None
    chain: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """One side of a posted transfer, seen from its account: what moved, and the balance after it.

    `side` is `d` for a debit of this account. `posted` and `pending` are what was added to those counters, minor units.
    """

    version: int
    seq: int
    transfer: str
    kind: Kind
    side: str
    other: str
    posted: int
    pending: int
    code: str
    subject: str
    effective_on: int
    at_ms: int
    balance: Balance
