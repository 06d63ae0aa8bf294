"""The ledger as a library: what each method does to the book, and what a retry does not."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from nostro.bootstrap.ledger import FIRST_BOOK, open_ledger
from nostro.db.errors import DataDirectoryInUse, UnreachableServer
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import Misconfigured
from nostro.ledger import Balance, Kind, Ledger, Refusal, Transfer
from nostro.work.duties import Book, Desk, ReleasingHolds
from tests.db.fault_proxy import Cut, fault_proxy
from tests.db.sheets import ask, conserved
from tests.ledger.books import BOOK, NOW, SetClock, a_ledger, made, single

Body = Callable[[Ledger], Awaitable[None]]


def on_a_ledger(urls: ConnectionUrls, body: Body, clock: SetClock | None = None) -> None:
    async def play() -> None:
        async with a_ledger(urls, clock) as ledger:
            await body(ledger)
            await conserved(urls)

    asyncio.run(asyncio.wait_for(play(), 30))


async def batches(urls: ConnectionUrls) -> int:
    return int((await ask(urls, "SELECT count(*) FROM nostro.batches"))[0][0])


def test_accounts_open_with_limits_and_keep_them(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        assert await ledger.open_account("wallet", "usd", overdraft_max=0) is None
        before = await batches(database)
        assert await ledger.open_account("wallet", "usd", overdraft_max=0) is None
        assert await ledger.open_account("wallet", "usd") is Refusal.LIMITS_DIFFER
        assert await ledger.open_account("wallet", "eur", 0) is Refusal.CURRENCY_DIFFERS
        assert await batches(database) == before  # none of that changed anything
        assert await ledger.set_limits("wallet", "eur") is Refusal.CURRENCY_DIFFERS
        assert await ledger.set_limits("wallet", "usd", 5, 7) is None
        account = await ledger.account("wallet")
        assert account is not None and account.limits.overcredit_max == 7
        assert await ledger.post([single(ledger, "wallet", "shop", 4)]) == [None]
        assert await ledger.set_limits("wallet", "usd", 3) is Refusal.EXCEEDS_CREDITS
        assert await ledger.account("nobody") is None
        assert await ledger.balance("nobody") == Balance()
        told = await ask(database, "SELECT action, outcome FROM nostro.audit_records ORDER BY seq")
        assert told == [
            ("open_account", "done"), ("set_limits", "refused: currency_differs"),
            ("set_limits", "done"), ("set_limits", "refused: exceeds_credits"),
        ]  # fmt: skip

    on_a_ledger(database, body)


def test_outcomes_come_in_order_and_chains_are_all_or_none(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        await ledger.open_account("wallet", "usd", overdraft_max=0)
        wanted: list[Any] = [
            single(ledger, "wallet", "shop", 1),
            [single(ledger, "bank", "wallet", 10), single(ledger, "wallet", "shop", 11)],
            single(ledger, "bank", "wallet", 10),
            [single(ledger, "wallet", "shop", 6), single(ledger, "shop", "fees", 1)],
            single(ledger, "wallet", "wallet", 1),
            single(ledger, "wallet", "shop", 0),
        ]
        outcomes = [
            Refusal.EXCEEDS_CREDITS, Refusal.LINKED_TRANSFER_FAILED, Refusal.EXCEEDS_CREDITS,
            None, None, None, Refusal.ACCOUNTS_ARE_THE_SAME, Refusal.AMOUNT_NOT_POSITIVE,
        ]  # fmt: skip
        assert await ledger.post(wanted) == outcomes
        assert (await ledger.balance("wallet")).owed == 4
        before = await batches(database)
        assert await ledger.post(wanted) == outcomes
        assert await batches(database) == before
        assert await ledger.post([]) == []
        chained = await ledger.transfer(wanted[3][1].id)
        assert chained is not None and chained.chain == wanted[3][0].id and chained.seq == 3
        refused = await ledger.transfer(wanted[1][0].id)
        assert refused is not None and refused.refusal is Refusal.LINKED_TRANSFER_FAILED
        assert refused.seq is None and refused.transfer == wanted[1][0]
        assert await ledger.transfer(ledger.new_transfer_id()) is None

    on_a_ledger(database, body)


def test_a_refused_id_stays_refused_when_funds_came(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        await ledger.open_account("wallet", "usd", overdraft_max=0)
        poor = single(ledger, "wallet", "shop", 5)
        assert await ledger.post([poor]) == [Refusal.EXCEEDS_CREDITS]
        assert await ledger.post([single(ledger, "bank", "wallet", 50)]) == [None]
        assert await ledger.post([poor]) == [Refusal.EXCEEDS_CREDITS]
        again = replace(poor, id=ledger.new_transfer_id())
        assert await ledger.post([again, poor, replace(poor, amount=6)]) == [
            None, Refusal.EXCEEDS_CREDITS, Refusal.ID_TAKEN,
        ]  # fmt: skip

    on_a_ledger(database, body)


def test_a_hold_is_captured_twice_and_the_rest_voided(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        hold = made(ledger, Kind.HOLD, "wallet", "shop", 100)
        on_it = {"debit": "wallet", "credit": "shop", "hold": hold.id}
        captures = [made(ledger, Kind.CAPTURE, amount=n, **on_it) for n in (30, 20)]
        assert await ledger.post([hold, *captures]) == [None] * 3
        assert await ledger.balance("wallet") == Balance(50, 0, 50, 0, 3)
        more = made(ledger, Kind.CAPTURE, amount=51, **on_it)
        assert await ledger.post([more]) == [Refusal.EXCEEDS_HOLD]
        assert await ledger.post([made(ledger, Kind.VOID, amount=50, **on_it)]) == [None]
        late = [made(ledger, kind, amount=1, **on_it) for kind in (Kind.CAPTURE, Kind.VOID)]
        assert await ledger.post(late) == [Refusal.HOLD_NOT_OPEN] * 2
        unknown = {**on_it, "hold": ledger.new_transfer_id()}
        assert await ledger.post([made(ledger, Kind.VOID, amount=1, **unknown)]) == [
            Refusal.HOLD_NOT_FOUND
        ]
        assert await ledger.post([hold, *captures, more]) == [None] * 3 + [Refusal.EXCEEDS_HOLD]
        history = await ledger.history("shop")
        assert [(e.version, e.side, e.other, e.posted, e.pending) for e in history] == [
            (1, "c", "wallet", 0, 100), (2, "c", "wallet", 30, -30), (3, "c", "wallet", 20, -20),
            (4, "c", "wallet", 0, -50),
        ]  # fmt: skip
        assert history[-1].balance == await ledger.balance("shop")
        assert await ledger.history("shop", after=1, limit=2) == history[1:3]

    on_a_ledger(database, body)


def test_holds_expire_by_business_time(database: ConnectionUrls) -> None:
    clock = SetClock()

    async def body(ledger: Ledger) -> None:
        soon, late = (
            made(ledger, Kind.HOLD, "a", "b", 10, expires_ms=NOW + n, subject="x") for n in (5, 99)
        )
        on_it = {"debit": "a", "credit": "b", "hold": soon.id}
        early = made(ledger, Kind.EXPIRE, amount=10, **on_it)
        part = made(ledger, Kind.CAPTURE, amount=4, **on_it)
        assert await ledger.post([soon, late, early, part]) == [
            None, None, Refusal.HOLD_NOT_DUE, None,
        ]  # fmt: skip
        assert await ledger.expire_due() == 0
        clock.now += 5
        expired = made(ledger, Kind.CAPTURE, amount=1, **on_it)
        assert await ledger.post([expired]) == [Refusal.HOLD_EXPIRED]
        assert await ledger.expire_due() == 1
        assert await ledger.expire_due() == 0
        assert await ledger.balance("a") == Balance(4, 0, 10, 0, 4)
        last = (await ledger.history("a"))[-1]
        assert (last.kind, last.pending, last.code, last.subject) == (
            Kind.EXPIRE, -6, "expiry", "x",
        )  # fmt: skip

    on_a_ledger(database, body, clock)


def test_the_worker_releases_holds_too(database: ConnectionUrls) -> None:
    clock = SetClock()

    async def body(ledger: Ledger) -> None:
        holds = [made(ledger, Kind.HOLD, "a", "b", 1, expires_ms=NOW + n) for n in range(1, 8)]
        await ledger.post(holds)
        decider, reader = ledger._decider, ledger._reader
        desk = Desk(lambda _: decider, reader, clock, ledger._entropy)
        duty = ReleasingHolds(Book(BOOK, live=True), desk)
        assert await duty.round() == 0
        clock.now += 4
        assert [await duty.round(), await duty.round()] == [4, 0]
        assert (await ledger.balance("a")).debits_pending == 3

    on_a_ledger(database, body, clock)


def test_days_and_metadata(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        noted = single(ledger, "a", "b", 1, effective_on=19_000, metadata='{"name": "Ada"}')
        assert await ledger.post([noted]) == [None]
        found = await ledger.transfer(noted.id)
        assert found is not None and found.transfer == noted
        assert await ledger.post([replace(noted, metadata="{}")]) == [Refusal.ID_TAKEN]
        assert await ledger.erase_metadata(noted.id, "asked to") is True
        before = await batches(database)
        assert await ledger.erase_metadata(noted.id, "asked to") is False
        assert await ledger.erase_metadata(ledger.new_transfer_id(), "nobody's") is False
        assert await batches(database) == before
        assert await ledger.post([noted, replace(noted, metadata="{}")]) == [None, None]
        assert await ledger.post([replace(noted, metadata=None)]) == [None]
        found = await ledger.transfer(noted.id)
        assert found is not None and found.transfer == replace(noted, metadata=None)
        told = await ask(database, "SELECT action, subject, changes FROM nostro.audit_records")
        assert told == [("metadata.erased", noted.id, '{"reason":"asked to"}')]
        kept = await ask(database, "SELECT length(metadata_hash) FROM nostro.transfers")
        assert kept == [(32,)]
        assert await ask(database, "SELECT FROM nostro.transfer_metadata") == []

    on_a_ledger(database, body)


def test_metadata_of_the_same_batch_are_erased(database: ConnectionUrls) -> None:
    async def body(ledger: Ledger) -> None:
        noted = [single(ledger, "a", "b", n, metadata='{"name": "Ada"}') for n in (0, 1)]
        wanted: list[Any] = [
            ledger.post(noted),
            *(ledger.erase_metadata(found.id, "asked to") for found in noted * 2),
        ]
        answers = await asyncio.gather(*wanted)
        assert answers[0] == [Refusal.AMOUNT_NOT_POSITIVE, None]
        assert sorted(answers[1:]) == [False, False, True, True]
        assert await ask(database, "SELECT FROM nostro.transfer_metadata") == []

    on_a_ledger(database, body)


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.AT_ONCE])
def test_a_lost_commit_is_resolved(database: ConnectionUrls, cut: Cut) -> None:
    async def play() -> None:
        async with (
            fault_proxy(database.app) as proxy,
            a_ledger(database, through=proxy.url) as ledger,
        ):
            wanted = [single(ledger, "a", "b", n) for n in (0, 1, 2)]
            proxy.cuts = [cut]
            assert await ledger.post(wanted) == [Refusal.AMOUNT_NOT_POSITIVE, None, None]
            assert proxy.cuts == [] and await batches(database) == 1
            assert await ledger.post(wanted) == [Refusal.AMOUNT_NOT_POSITIVE, None, None]
            assert await batches(database) == 1

    asyncio.run(asyncio.wait_for(play(), 30))


def test_a_book_by_url(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with open_ledger(database.owner) as one, open_ledger(database.owner) as other:
            assert one.book == FIRST_BOOK
            wanted = [single(one, "a", "b", 5)]
            assert await one.post(wanted) == await other.post(wanted) == [None]
            assert await other.balance("b") == Balance(0, 5, 0, 0, 1)
        async with open_ledger(database.owner, book=9) as another:
            assert await another.balance("b") == Balance()
        heads = await ask(database, "SELECT book_id FROM nostro.book_heads ORDER BY 1")
        assert heads == [(FIRST_BOOK,), (9,)]

    asyncio.run(asyncio.wait_for(play(), 30))


def test_a_book_in_a_directory_is_there_again() -> None:
    """Opened, closed, opened: another program may not have it meanwhile."""

    async def play(data: Path) -> None:
        async with open_ledger(data_dir=data) as ledger:
            transfer = single(ledger, "a", "b", 5)
            assert await ledger.post([transfer]) == [None]
            with pytest.raises(DataDirectoryInUse):
                async with open_ledger(data_dir=str(data)):
                    pass
        async with open_ledger(data_dir=str(data)) as ledger:
            assert await ledger.post([transfer]) == [None]
            assert (await ledger.balance("b")).owed == 5

    data = Path(tempfile.mkdtemp(prefix="nostro-ledger-"))
    try:
        asyncio.run(asyncio.wait_for(play(data), 60))
        assert not (data / "postgres" / "server" / "postmaster.pid").exists()
    finally:
        shutil.rmtree(data)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, Misconfigured),
        ({"database_url": "postgresql://x", "data_dir": "y"}, Misconfigured),
        ({"data_dir": "y", "book": 0}, Misconfigured),
        ({"data_dir": "y", "book": True}, Misconfigured),
        ({"data_dir": "y", "book": 65_536}, Misconfigured),
        ({"database_url": "postgresql://nobody@127.0.0.1:9/none"}, UnreachableServer),
        ({"database_url": "what is this"}, UnreachableServer),
    ],
)
def test_what_cannot_be_opened(given: dict[str, Any], error: type[Exception]) -> None:
    async def play() -> None:
        async with open_ledger(**given):
            pass

    with pytest.raises(error):
        asyncio.run(asyncio.wait_for(play(), 20))
    assert not Path("y").exists()


def test_a_transfer_is_a_value() -> None:
    """It goes through JSON and back, so that a program can keep what it is about to post."""
    transfer = Transfer("0" * 32, Kind.HOLD, "a", "b", 1, "usd", "c", "s", effective_on=9)
    assert msgspec.json.decode(msgspec.json.encode(transfer), type=Transfer) == transfer
