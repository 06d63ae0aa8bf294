"""A book with every kind of row in it: cards and refunds, free transfers, audit records, a snapshot, an alarm, signed
checkpoints, and the log's directory beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nostro.audit import snapshots
from nostro.audit.alarms import RaiseAlarm
from nostro.audit.directory import LogDirectory
from nostro.audit.erasing import erase_address
from nostro.audit.log_keys import open_log_keys
from nostro.db.pool import Pool
from nostro.db.session import Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.events.emit import Origin
from nostro.kernel.clock import DAY, SECOND, SystemTime
from nostro.kernel.command import Decision, Note, Reads, View
from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from nostro.ledger.commands import PostTransfers, SetLimits
from nostro.ledger.days import date_of
from nostro.ledger.publishing import Publisher
from nostro.ledger.snapshots import last_before, take
from nostro.system import SystemClock, SystemEntropy
from nostro.verification.outside import Outside
from nostro.verification.recorded import METADATA_ERASED
from tests.verification.driver import BOOK, Driver, mint
from tests.verification.history import make

ADDRESS, FORGOTTEN_ADDRESS = "203.0.113.9", "203.0.113.8"
SMALL_BATCHES = 190  # with all else more than 256: a full tile


class Noted(msgspec.Struct, frozen=True):
    """Something for the audit log alone."""

    book: int
    seed: bytes
    note: Note
    actor: str = "operator"

    def reads(self) -> Reads:
        return Reads()

    def decide(self, view: View) -> Decision[None]:
        return Decision(None, notes=(self.note,))


class Ledger:
    """Free transfers between accounts of nobody's payments."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def transfer(self, debit: str, credit: str, amount: int, **other: Any) -> Transfer:
        kind = other.pop("kind", Kind.SINGLE)
        identifier = mint(self._driver).transfer_id()
        names = (f"user:{debit}:wallet:usd", f"user:{credit}:wallet:usd")
        return Transfer(identifier, kind, *names, amount, "usd", "move", "order_1", **other)

    async def post(self, *chains: tuple[Transfer, ...]) -> list[Any]:
        answer: list[Any] = await self._driver.run(PostTransfers(BOOK, self._driver.seed(), chains))
        return [outcome for chain in answer for outcome in chain]

    async def limit(self, name: str, limits: Limits) -> Any:
        change = LimitChange(f"user:{name}:wallet:usd", "usd", limits)
        return (await self._driver.run(SetLimits(BOOK, self._driver.seed(), change)))[0]

    async def history(self, urls: ConnectionUrls) -> None:
        """Holds, chains, limits, refusals, metadata, other days, expiry."""
        today = self._driver.clock.business() // DAY
        make = self.transfer
        assert await self.limit("poor", Limits(overdraft_max=0)) is None
        assert await self.limit("full", Limits(overcredit_max=50)) is None
        backdated = make("a", "b", 700, effective_on=today - 3, metadata='{"note":"late"}')
        postdated = make("b", "c", 300, effective_on=today + 2, metadata='{"note":"early"}')
        erased = make("b", "c", 9, metadata='{"name":"forget me"}')
        assert await self.post((backdated,), (postdated,), (erased,)) == [None] * 3
        await self._holds()
        await self._refusals(today)
        chain = (make("a", "b", 5), make("b", "c", 6), make("c", "a", 7))
        assert await self.post(chain) == [None] * 3
        assert await self.limit("full", Limits(overcredit_max=60, overdraft_max=1_000)) is None
        assert await self.limit("a", Limits(overdraft_max=1)) is not None
        await self.small_batches(SMALL_BATCHES)
        await self.limit("n1", Limits())
        await self._erase(urls, erased.id)

    async def small_batches(self, count: int) -> None:
        """Batches of one transfer."""
        for number in range(count):
            await self.post((self.transfer("a", f"n{number % 40}", 100 + number),))

    async def _holds(self) -> None:
        make = self.transfer
        soon = self._driver.clock.business() + 5 * SECOND
        holds = [make("a", "c", 1_000, kind=Kind.HOLD, expires_ms=soon) for _ in range(3)]
        holds += [make("b", "a", 400, kind=Kind.HOLD) for _ in range(3)]
        assert await self.post(*((hold,) for hold in holds)) == [None] * 6
        part = make("a", "c", 600, kind=Kind.CAPTURE, hold=holds[0].id)
        final = make("b", "a", 100, kind=Kind.CAPTURE, hold=holds[3].id, final=True)
        void = make("b", "a", 400, kind=Kind.VOID, hold=holds[4].id)
        assert await self.post((part,), (final,), (void,)) == [None] * 3
        self._driver.clock.ahead_ms += 6 * SECOND
        late = make("a", "c", 600, kind=Kind.CAPTURE, hold=holds[1].id)
        expire = make("a", "c", 1_000, kind=Kind.EXPIRE, hold=holds[2].id)
        assert [bool(found) for found in await self.post((late,), (expire,))] == [True, False]

    async def _refusals(self, today: int) -> None:
        make = self.transfer
        plain = make("poor", "b", 1)
        dated = make("poor", "b", 1, effective_on=today, metadata='{"note":"refused"}')
        held = make("poor", "b", 1, kind=Kind.HOLD, expires_ms=self._driver.clock.business() + DAY)
        over = make("a", "full", 51)
        nothing = make("a", "b", 0)
        unknown = make("a", "b", 1, kind=Kind.CAPTURE, hold=plain.id, final=True)
        chain = (make("a", "b", 2), make("b", "poor", 2), make("poor", "c", 3))
        fine = make("a", "full", 50)
        refused = [(found,) for found in (plain, dated, held, over, nothing, unknown)]
        answer = await self.post(*refused[:3], (fine,), *refused[3:], chain)
        assert [found is None for found in answer] == [n == 3 for n in range(10)]

    async def _erase(self, urls: ConnectionUrls, identifier: str) -> None:
        note = Note(METADATA_ERASED, identifier, '"asked for"')
        await self._driver.run(Noted(BOOK, self._driver.seed(), note))
        statement = "DELETE FROM nostro.transfer_metadata WHERE book_id = $1 AND transfer_id = $2"
        session = await Session.open(urls.app)
        await session.run([Statement(statement, (BOOK, identifier))])
        await session.close()
        pool, entropy = Pool(urls.app), SystemEntropy()
        wanted = (BOOK, FORGOTTEN_ADDRESS, "asked for")
        assert await erase_address(pool, self._driver.committer, entropy, *wanted) >= 1
        await pool.close()


class Log:
    """The keys and the directory of the book's log."""

    def __init__(self, folder: Path) -> None:
        self.entropy = SystemEntropy()
        first = open_log_keys(folder / "log.keys", "log.example", self.entropy, SystemTime(1))
        self.keys, self.signed = [first], list[int]()
        self.directory = LogDirectory(folder / "log" / f"book-{BOOK}")

    async def sign(self, urls: ConnectionUrls) -> None:
        """A checkpoint of all that is there."""
        pool = Pool(urls.app)
        newest = Publisher(BOOK, pool, lambda: self.keys[-1], self.directory, SystemClock())
        published = await newest.publish()
        await pool.close()
        assert published is not None
        self.signed.append(published.size)

    def rotate(self) -> None:
        """A new key; the old one signs nothing more."""
        self.keys.append(self.keys[-1].rotated(self.entropy, SystemClock().system()))


@dataclass
class WholeBook:
    """Where it is, and what is held outside the database."""

    urls: ConnectionUrls
    superuser: str
    log: Log
    truncated: ConnectionUrls  # as it was before its last checkpoints
    forked: ConnectionUrls  # the same, and went on otherwise
    forked_from: int

    @property
    def outside(self) -> Outside:
        return Outside(self.log.directory, self.log.keys[-1])


async def first_part(driver: Driver, urls: ConnectionUrls, log: Log) -> None:
    """Payments, a checkpoint, and some batches."""
    with_address(driver, ADDRESS)
    await make(driver)
    with_address(driver, FORGOTTEN_ADDRESS)
    await driver.authorization(2_000)
    with_address(driver, ADDRESS)
    await log.sign(urls)
    await Ledger(driver).small_batches(20)


async def second_part(driver: Driver, urls: ConnectionUrls, log: Log) -> None:
    """Free transfers between checkpoints, a rotated key, a snapshot, alarms, and an unsigned tail."""
    driver.clock.ahead_ms = 0
    ledger = Ledger(driver)
    await ledger.history(urls)
    await log.sign(urls)
    log.rotate()
    await _snapshot(driver, urls)
    for number in range(2):
        alarm = RaiseAlarm(BOOK, driver.seed(), "drill", f"batch {number}", f"exercise {number}")
        await driver.run(alarm)
    await ledger.post((ledger.transfer("a", "b", 11),))
    await log.sign(urls)
    for amount in (12, 13, 14):
        await ledger.post((ledger.transfer("a", "c", amount),))


async def _snapshot(driver: Driver, urls: ConnectionUrls) -> None:
    pool, today = Pool(urls.app), driver.clock.business() // DAY
    moment = await last_before(pool, BOOK, today * DAY)
    assert moment is not None
    snapshot = await take(pool, BOOK, moment, date_of(today - 1))
    await pool.close()
    await driver.run(snapshots.RecordSnapshot(BOOK, driver.seed(), snapshot))


def with_address(driver: Driver, address: str) -> None:
    """From here on the driver's requests have an address and an id."""
    driver.origin = Origin(driver.origin.account, False, "req_1", actor="key_1", address=address)
