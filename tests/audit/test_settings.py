"""What becomes of API keys, accounts and webhook endpoints is in the audit log: once, in order, whatever crashes in between."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nostro.audit.store import QUERIES
from nostro.db.pool import Pool
from nostro.db.snapshot import snapshot
from nostro.db.urls import ConnectionUrls
from nostro.events.commands import CreateEndpoint, DeleteEndpoint, EndpointChanges, UpdateEndpoint
from nostro.events.emit import Origin
from nostro.kernel.clock import SystemTime
from nostro.kernel.errors import DatabaseUnavailable
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.merchants.commands import LATE, LATE_MS
from nostro.merchants.service import Merchants
from nostro.system import SystemClock
from nostro.verification.report import Report
from nostro.verification.service import verify
from nostro.work.duties import Book, Desk, TellingSettings
from tests.books import BOOK, CLOCK, ENTROPY, LIVE_BOOK, Books, books_on

SHOP = "acct_shop"
SHOPS = f"test key of {SHOP}"
AT_ONCE = 8
SETTINGS = ("audit_sequence", "audit_states", "key_records", "account_records")


class LateClock(SystemClock):
    """The machine's clock, ahead by as much as a test says."""

    ahead_ms = 0

    def system(self) -> SystemTime:
        return SystemTime(super().system() + self.ahead_ms)


class Office:
    """An operator's merchants and the books whose logs hear of them."""

    def __init__(self, books: Books, store: Pool | None = None) -> None:
        self.books, self.clock = books, LateClock()
        self.merchants = Merchants(store or books.pool, Secret("hash key"), self.clock, ENTROPY)

    async def tell(self, book: int = BOOK) -> int:
        return await self.merchants.tell(book, self.books.decider(book))

    async def records(self, subject: str, book: int = BOOK) -> list[tuple[str, str, str, str]]:
        """Action, changes, actor and outcome, oldest first."""
        rows = await self.books.pool.fetch(QUERIES["records_of_subject"], book, subject)
        return [(row[2], row[4], row[5], row[7]) for row in rows]

    async def key(self, live: bool = False) -> tuple[Secret, str]:
        """A new key and its id."""
        known = {key.id for key in await self.merchants.keys(SHOP)}
        key = await self.merchants.create_key(SHOP, live)
        [found] = [key.id for key in await self.merchants.keys(SHOP) if key.id not in known]
        return key, found

    async def verified(self, watermark_seconds: int = -60) -> Report:
        async with snapshot(self.books.urls.read_only) as frozen:
            return await verify(frozen, BOOK, None, self.clock, watermark_seconds)


def play(urls: ConnectionUrls, scenario: Callable[[Office], Awaitable[None]]) -> None:
    async def run() -> None:
        async with books_on(urls) as books:
            office = Office(books)
            await office.merchants.create_account("Shop", account=SHOP)
            await scenario(office)

    asyncio.run(run())


def created(key: str, mode: str = "test") -> tuple[str, str, str, str]:
    return (
        "api_key.created",
        f'[["api_keys","{key}","","active, {mode} key of {SHOP}"]]',
        "operator",
        "done",
    )


def revoked(key: str, outcome: str = "done") -> tuple[str, str, str, str]:
    return (
        "api_key.revoked",
        f'[["api_keys","{key}","active, {SHOPS}","revoked, {SHOPS}"]]',
        "operator",
        outcome,
    )


def test_a_key_is_recorded_in_the_book_of_its_mode(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        (test_key, test_id), (live_key, live_id) = await office.key(), await office.key(live=True)
        assert await office.tell() and await office.tell(LIVE_BOOK)
        assert await office.merchants.revoke(test_key)
        assert await office.tell() == 1
        assert await office.records(test_id) == [created(test_id), revoked(test_id)]
        assert await office.records(live_id, LIVE_BOOK) == [created(live_id, "live")]
        assert await office.records(test_id, LIVE_BOOK) == await office.records(live_id) == []
        everything = await office.books.rows("SELECT a::text FROM nostro.audit_records AS a")
        for key in (test_key, live_key):
            assert key.reveal() not in str(everything)
            assert key.reveal()[-4:] not in str(everything)

    play(database, scenario)


def test_a_key_that_exists_is_not_made_or_ended_twice(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        key, identifier = await office.key()
        await office.merchants.create_key(SHOP, False, key)
        assert await office.merchants.revoke(key)
        assert not await office.merchants.revoke(key)
        await office.tell()
        assert await office.records(identifier) == [created(identifier), revoked(identifier)]

    play(database, scenario)


def test_fees_are_recorded_from_what_to_what_in_both_books(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        await office.merchants.set_fee(SHOP, FeeSchedule(290, 30), actor="key_boss")
        await office.merchants.set_fee(SHOP, FeeSchedule(290, 30))  # nothing changes
        await office.merchants.set_fee(SHOP, FeeSchedule())
        none, some = "fee 0 basis points and 0", "fee 290 basis points and 30"
        for book in (BOOK, LIVE_BOOK):
            assert await office.tell(book) == 3
            assert await office.records(SHOP, book) == [
                ("account.created", f'[["accounts","{SHOP}","","{none}"]]', "operator", "done"),
                (
                    "account.fees_changed", f'[["accounts","{SHOP}","{none}","{some}"]]',
                    "key_boss", "done",
                ),
                (
                    "account.fees_changed", f'[["accounts","{SHOP}","{some}","{none}"]]',
                    "operator", "done",
                ),
            ]  # fmt: skip

    play(database, scenario)


def test_a_crash_before_the_record_leaves_it_to_the_worker(database: ConnectionUrls) -> None:
    """Revoked at once, told later: what was done a minute ago says that it was found late."""

    async def scenario(office: Office) -> None:
        key, identifier = await office.key()
        await office.tell()
        assert await office.merchants.revoke(key)
        assert await office.merchants.authenticate(key.reveal()) is None
        off = await office.verified()
        assert off.off() == {"key_records": (identifier,)}
        assert identifier in {finding.subject for finding in off.apart}
        assert (await office.verified(watermark_seconds=60)).clean  # it may be on its way
        books = office.books
        books.committers[BOOK]._clock = office.clock
        office.clock.ahead_ms = LATE_MS + 1_000
        desk = Desk(books.decider, books.pool, office.clock, ENTROPY)
        duty = TellingSettings(Book(BOOK, False), desk, office.merchants)
        assert [await duty.round(), await duty.round()] == [1, 0]
        assert await office.records(identifier) == [created(identifier), revoked(identifier, LATE)]
        assert (await office.verified()).clean

    play(database, scenario)


class DyingPool(Pool):
    """A pool whose process dies before it writes the statement of this text."""

    dies_at = ""

    async def write(self, statement: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        if self.dies_at and self.dies_at in statement:
            raise DatabaseUnavailable("gone")
        return await super().write(statement, *parameters)


def test_a_crash_after_the_record_tells_nothing_twice(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        pool = DyingPool(database.app)
        dying = Office(office.books, pool)
        pool.dies_at = "DELETE FROM nostro.setting_changes"
        _, identifier = await office.key()
        with pytest.raises(DatabaseUnavailable):
            await dying.tell()
        assert await office.records(identifier) == [created(identifier)]
        assert await office.tell() == 2  # it is there still, and the log has it
        assert await office.tell() == 0
        assert await office.records(identifier) == [created(identifier)]
        assert (await office.verified()).clean
        await pool.close()

    play(database, scenario)


def test_many_who_tell_at_once_tell_each_once(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        keys = [await office.key() for _ in range(AT_ONCE)]
        await asyncio.gather(*(office.merchants.revoke(key) for key, _ in keys[1:]))
        await asyncio.gather(*(office.tell() for _ in range(AT_ONCE)))
        for _, identifier in keys[1:]:
            assert await office.records(identifier) == [created(identifier), revoked(identifier)]
        assert await office.records(keys[0][1]) == [created(keys[0][1])]
        assert (await office.verified()).clean

    play(database, scenario)


def test_fees_changed_by_many_at_once_are_one_chain(database: ConnectionUrls) -> None:
    async def scenario(office: Office) -> None:
        async def change(points: int) -> None:
            await office.merchants.set_fee(SHOP, FeeSchedule(points))
            await office.tell()

        await asyncio.gather(*(change(points) for points in range(1, AT_ONCE + 1)))
        await office.tell()
        assert len(await office.records(SHOP)) == AT_ONCE + 1
        report = await office.verified()
        assert {name: report.off().get(name) for name in SETTINGS} == dict.fromkeys(SETTINGS)

    play(database, scenario)


def test_an_old_change_told_again_is_not_believed(database: ConnectionUrls) -> None:
    """Who read the changes before another told them brings them too late."""

    async def scenario(office: Office) -> None:
        key, identifier = await office.key()
        rows = "SELECT * FROM nostro.setting_changes"
        stale = [row for row in await office.books.rows(rows) if row[1] == identifier]
        await office.tell()
        await office.merchants.revoke(key)
        await office.tell()
        columns = "book, subject, no, relation, action, state, actor, at_ms"
        await office.books.pool.write(
            f"INSERT INTO nostro.setting_changes ({columns}) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            *stale[0],
        )
        assert await office.tell() == 1
        assert await office.records(identifier) == [created(identifier), revoked(identifier)]

    play(database, scenario)


def test_an_endpoint_is_recorded_as_it_is_made_changed_and_deleted(
    database: ConnectionUrls,
) -> None:
    async def scenario(office: Office) -> None:
        origin = Origin(SHOP, False, "req_1", None, "key_1", "192.0.2.1")
        we = Mint(ENTROPY.bytes(16), BOOK, CLOCK.business()).new("we")
        seed = ENTROPY.bytes
        url, other = "https://a.example/in", "https://b.example/in"
        make = CreateEndpoint(BOOK, seed(16), origin, we, url + "?token=s3cret", ("*",), "sealed")
        await office.books.run(make)
        for changes in (
            EndpointChanges(url=other),
            EndpointChanges(enabled_events=("charge.succeeded", "charge.failed")),
            EndpointChanges(description="nothing that is audited"),
            EndpointChanges(disabled=True),
        ):
            await office.books.run(UpdateEndpoint(BOOK, seed(16), origin, we, changes))
        await office.books.run(DeleteEndpoint(BOOK, seed(16), origin, we))
        events = "charge.succeeded charge.failed"
        states = [
            "", f"enabled {url} *", f"enabled {other} *", f"enabled {other} {events}",
            f"disabled {other} {events}", f"deleted {other} {events}",
        ]  # fmt: skip
        actions = ["create_endpoint", *["update_endpoint"] * 3, "delete_endpoint"]
        assert await office.records(we) == [
            (action, f'[["webhook_endpoints","{we}","{before}","{after}"]]', "key_1", "done")
            for action, before, after in zip(actions, states[:-1], states[1:], strict=True)
        ]
        await office.tell()
        assert (await office.verified()).clean

    play(database, scenario)
