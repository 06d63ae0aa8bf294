"""What is exported: transfers as they moved two accounts, and accounts with what is stored of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from nostro.ledger.days import LAST_DAY
from nostro.ledger.export.names import PENDING, POSTED, account_name, commodity

# The closing assertions stand on the day after the last: the calendar has to have one.
LAST_WRITTEN_DAY = LAST_DAY - 1


class Movement(NamedTuple):
    """An accepted transfer. `day` is the one it counts for, since 1970-01-01; amounts are in minor units."""

    seq: int
    id: str
    day: int
    kind: str
    debit: str
    credit: str
    posted: int
    pending: int
    currency: str
    code: str
    subject: str
    hold: str | None
    chain: str | None

    @property
    def written_day(self) -> int:
        """The day it is written under: its own, but not the last of the calendar."""
        return min(self.day, LAST_WRITTEN_DAY)

    def legs(self) -> Iterator[tuple[str, int]]:
        """Names of accounts and what each was debited; what moved nothing is left out."""
        for leaf, amount in ((POSTED, self.posted), (PENDING, self.pending)):
            if amount:
                yield f"{account_name(self.debit)}:{leaf}", amount
                yield f"{account_name(self.credit)}:{leaf}", -amount

    def notes(self) -> Iterator[tuple[str, str]]:
        """What is told of it besides amounts."""
        yield "id", self.id
        yield "kind", self.kind
        yield "subject", self.subject
        if self.hold is not None:
            yield "hold", self.hold
        if self.chain is not None:
            yield "chain", self.chain


class Standing(NamedTuple):
    """An account as the ledger stores it: debits less credits in minor units, posted and pending."""

    number: int
    code: str
    currency: str
    posted: int
    pending: int

    @property
    def commodity(self) -> str:
        """Its currency as it is written."""
        return commodity(self.currency)

    def parts(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Names of both its accounts and what they stand at."""
        name = account_name(self.code)
        return (f"{name}:{POSTED}", self.posted), (f"{name}:{PENDING}", self.pending)


class Form(Protocol):
    """How a book is written for one program. Each method gives whole lines."""

    def opening(self, account: Standing) -> str: ...
    def commodity(self, name: str) -> str: ...
    def transaction(self, movement: Movement) -> str: ...
    def closing(self, account: Standing, day: int) -> str: ...
