"""What there is to do in a book. Each duty looks for what is due and starts it; a round never waits for an acquirer.

Finding is a cheap read by a partial index; doing is a command or a service of the room the row belongs to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from nostro.balances.commands import ReleaseDay
from nostro.balances.due import due_days
from nostro.balances.model import AvailableDay
from nostro.events.emit import Origin
from nostro.idempotency.commands import KEEP_MS, Prune
from nostro.idempotency.due import old_keys
from nostro.kernel.clock import MINUTE, SECOND, SystemTime
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import Clock, Decider, Entropy, Reader
from nostro.ledger.commands import PostTransfers
from nostro.ledger.expiry import due_holds, expiry_of
from nostro.merchants.service import Merchants
from nostro.payments.claim import ExpireAuthorization
from nostro.payments.due import expired_authorizations
from nostro.payments.model import Charge
from nostro.payments.service import Merchant
from nostro.work.crew import Crew

PRUNED_AT_ONCE = 500
DAYS_AT_ONCE = 64
HOLDS_AT_ONCE = 64
LEDGER_HOLDS_AT_ONCE = 500
RESOLVED_AT_ONCE = 256

FeeOf = Callable[[str], Awaitable[FeeSchedule]]


class Book(msgspec.Struct, frozen=True):
    """A book and its mode."""

    id: int
    live: bool


class Desk(msgspec.Struct, frozen=True):
    """What every duty works with."""

    decider: Callable[[int], Decider]
    reader: Reader
    clock: Clock
    entropy: Entropy

    def seed(self) -> bytes:
        """The seed of one command."""
        return self.entropy.bytes(16)


class Duty(Protocol):
    """Something to look for in one book, again and again."""

    @property
    def name(self) -> str: ...
    @property
    def idle_ms(self) -> int: ...  # the longest pause between two looks
    async def round(self) -> int: ...  # how many items it found and began
    async def close(self) -> None: ...


class Due(Protocol):
    """An unfinished operation whose lease is over."""

    @property
    def id(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def key(self) -> str | None: ...
    @property
    def request_id(self) -> str | None: ...


class Resolver(Protocol):
    """Finishes an operation by evidence: payments, refunds, payouts."""

    async def resolve(self, merchant: Merchant, identifier: str, /) -> object: ...


FindDue = Callable[[Reader, int, SystemTime, int, Sequence[str]], Awaitable[Sequence[Due]]]


class Resolving:
    """Finishes what a crash, a timeout or a slow bank left open."""

    idle_ms = 1 * SECOND

    def __init__(
        self, name: str, book: Book, desk: Desk, find: FindDue, resolver: Resolver, fee_of: FeeOf
    ) -> None:
        self.name, self._book, self._desk = name, book, desk
        self._find, self._resolver, self._fee_of = find, resolver, fee_of
        self._crew = Crew(f"{name} of book {book.id}", RESOLVED_AT_ONCE, desk.clock)

    async def round(self) -> int:
        """Begin as many as the crew has hands for."""
        if self._crew.free <= 0:
            return 0
        desk, crew = self._desk, self._crew
        now = desk.clock.system()
        found = await self._find(desk.reader, self._book.id, now, crew.free, crew.busy())
        return sum(crew.start(due.id, partial(self._resolve, due)) for due in found)

    async def _resolve(self, due: Due) -> None:
        fee = await self._fee_of(due.account)
        origin = Origin(due.account, self._book.live, due.request_id, _shown(due.key))
        await self._resolver.resolve(Merchant(self._book.id, origin, fee), due.id)

    async def close(self) -> None:
        """Let what is under way finish for a moment."""
        await self._crew.close(2 * SECOND)


class ReleasingFunds:
    """Moves days from pending to available, once their time has come."""

    name, idle_ms = "funds", 5 * SECOND

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book, desk
        self._crew = Crew(f"funds of book {book.id}", DAYS_AT_ONCE, desk.clock)

    async def round(self) -> int:
        """Begin with the earliest days."""
        desk, crew = self._desk, self._crew
        days = await due_days(
            desk.reader, self._book.id, desk.clock.business(), DAYS_AT_ONCE, crew.busy()
        )
        return sum(crew.start(day.id, partial(self._release, day)) for day in days)

    async def _release(self, day: AvailableDay) -> bool:
        origin = Origin(day.account, self._book.live)
        command = ReleaseDay(
            self._book.id, self._desk.seed(), origin, day.currency, day.available_on
        )
        return await self._desk.decider(self._book.id).run(command)

    async def close(self) -> None:
        """Let what is under way finish for a moment."""
        await self._crew.close(2 * SECOND)


class ExpiringHolds:
    """Ends authorizations whose time is over. One with a live attempt on it rests and is tried again."""

    name, idle_ms = "holds", 5 * SECOND

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book, desk
        self._crew = Crew(f"holds of book {book.id}", HOLDS_AT_ONCE, desk.clock)

    async def round(self) -> int:
        """Begin with the oldest holds."""
        desk, crew = self._desk, self._crew
        charges = await expired_authorizations(
            desk.reader, self._book.id, desk.clock.business(), HOLDS_AT_ONCE, crew.busy()
        )
        return sum(crew.start(charge.id, partial(self._expire, charge)) for charge in charges)

    async def _expire(self, charge: Charge) -> bool:
        origin = Origin(charge.account, self._book.live)
        command = ExpireAuthorization(self._book.id, self._desk.seed(), origin, charge)
        return await self._desk.decider(self._book.id).run(command)

    async def close(self) -> None:
        """Let what is under way finish for a moment."""
        await self._crew.close(2 * SECOND)


class ReleasingHolds:
    """Releases what ledger holds still reserve after their `expires_ms`."""

    name, idle_ms = "ledger holds", 5 * SECOND

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book, desk

    async def round(self) -> int:
        """Release a batch of the oldest."""
        desk, book = self._desk, self._book.id
        now = desk.clock.business()
        holds = await due_holds(desk.reader, book, now, LEDGER_HOLDS_AT_ONCE)
        if not holds:
            return 0
        mint = Mint(desk.seed(), book, now)
        chains = tuple((expiry_of(hold, mint.transfer_id()),) for hold in holds)
        outcomes = await desk.decider(book).run(PostTransfers(book, desk.seed(), chains, "worker"))
        return outcomes.count([None])

    async def close(self) -> None:
        """Nothing is ever under way between rounds."""


class PruningKeys:
    """Forgets idempotency keys that were answered more than a day ago."""

    name, idle_ms = "keys", 1 * MINUTE

    def __init__(self, book: Book, desk: Desk) -> None:
        self._book, self._desk = book, desk

    async def round(self) -> int:
        """Forget a batch of the oldest."""
        desk, book = self._desk, self._book.id
        before = SystemTime(desk.clock.system() - KEEP_MS)
        keys = await old_keys(desk.reader, book, before, PRUNED_AT_ONCE)
        if not keys:
            return 0
        return await desk.decider(book).run(Prune(book, desk.seed(), tuple(keys)))

    async def close(self) -> None:
        """Nothing is ever under way between rounds."""


class TellingSettings:
    """Tells the audit log what became of accounts and keys, where whoever changed them did not come to it."""

    name, idle_ms = "settings", 5 * SECOND

    def __init__(self, book: Book, desk: Desk, merchants: Merchants) -> None:
        self._book, self._desk, self._merchants = book, desk, merchants

    async def round(self) -> int:
        """Tell a batch of it."""
        return await self._merchants.tell(self._book.id, self._desk.decider(self._book.id))

    async def close(self) -> None:
        """Nothing is ever under way between rounds."""


def _shown(key: str | None) -> str | None:
    """The key as the merchant wrote it; rows name it together with its account."""
    return key.partition("/")[2] if key else None
