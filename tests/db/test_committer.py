"""The committer on a real server: batches, their neighbours, their order, their end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

import nostro
from nostro.db import committer as committing
from nostro.db.committer import Committer
from nostro.db.session import Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.idempotency.store import KEYS
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.errors import (
    CommitUnknown,
    DatabaseUnavailable,
    DeadlineExceeded,
    OurMistake,
    Overloaded,
)
from nostro.kernel.outcome import Operation
from nostro.kernel.queries import load
from nostro.payments.machine import AttemptState
from nostro.payments.model import Attempt
from nostro.payments.store import ATTEMPTS
from nostro.system import SystemClock
from tests.db.fault_proxy import Cut, fault_proxy
from tests.db.sheets import (
    BOOK,
    CLOCK,
    ENTROPY,
    Count,
    Do,
    Sheet,
    ask,
    conserved,
    row,
    seed,
    sheet_on,
)

Body = Callable[[Sheet], Awaitable[None]]


def on_a_sheet(urls: ConnectionUrls, body: Body) -> None:
    async def play() -> None:
        async with sheet_on(urls) as sheet:
            await body(sheet)
            await conserved(urls)

    asyncio.run(asyncio.wait_for(play(), 20))


# One batch


def test_each_command_sees_those_before_it(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        assert await sheet.together(*[Count("k", 5) for _ in range(50)]) == list(range(1, 51))
        assert await sheet.batches() == 1
        assert await sheet.keys() == {"k": "50"}

    on_a_sheet(database, body)


def test_commands_are_served_in_the_order_they_came(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        assert await sheet.together(*[Count("k") for _ in range(600)]) == list(range(1, 601))
        assert await sheet.batches() == 3

    on_a_sheet(database, body)


def test_reading_alone_writes_nothing(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        assert await sheet.together(Do(declared=["k"])) == [[None]]
        assert await sheet.batches() == 0

    on_a_sheet(database, body)


def test_time_never_runs_back_within_a_book(database: ConnectionUrls) -> None:
    class Behind(SystemClock):
        def business(self) -> BusinessTime:
            return BusinessTime(super().business() - 60_000)

    async def body(sheet: Sheet) -> None:
        await sheet.together(Count("k"))
        late = Committer(BOOK, lambda: Session.open(database.app), Behind(), ENTROPY)
        await late.run(Count("k"))
        await late.close()
        times = [found[0] for found in await sheet.rows("SELECT at_ms FROM nostro.batches")]
        assert times == sorted(times) and len(times) == 2

    on_a_sheet(database, body)


# What one command does to its neighbours: nothing

POISONS = {
    "raises": Do(error=RuntimeError("no")),
    "reads NUL": Do(declared=["a\0b"]),
    "reads a lone surrogate": Do(declared=["\ud800"]),
    "writes NUL": Do(rows=[row("p", "a\0b")]),
    "writes NUL beside None": Do(rows=[row("p", "a\0b"), row("p2", None)]),
    "writes a lone surrogate": Do(rows=[row("p", "\ud800")]),
    "writes what is no text": Do(rows=[row("p", object())]),
    "writes no row": Do(rows=[row("p"), object()], moves=[("a", "b", 3)]),
    "writes an unhashable key": Do(rows=[row([])], moves=[("a", "b", 3)]),  # type: ignore[arg-type]
    "moves more than a bigint": Do(rows=[row("p")], moves=[("a", "b", 2**63)]),
    "breaks a chain": Do(rows=[row("p")], moves=[("a", "b", 3), ("a", "c", 0)]),
    "breaks a chain by raising": Do(rows=[row("p")], moves=[("a", "b", 3), ("a", "c", "x")]),
    "inserts what is there": Do(rows=[row("there")]),
    "deletes what is not there": Do(deletes=["p"], moves=[("a", "b", 3)]),
    "sends an index row too large": Do(rows=[row(os.urandom(9_000).hex())]),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
def test_a_poison_command_fails_alone(database: ConnectionUrls, poison: Do) -> None:
    async def body(sheet: Sheet) -> None:
        assert await sheet.together(Do(rows=[row("there")])) == [[]]
        fresh = replace(poison, seed=seed())
        commands = [Count("k", 7), Count("k", 7), fresh, Count("k", 7), Count("k", 7)]
        answers = await sheet.together(*commands)
        assert isinstance(answers.pop(2), OurMistake)
        assert answers == [1, 2, 3, 4]
        assert await sheet.keys() == {"there": "", "k": "4"}
        moved = "SELECT credits_posted FROM nostro.ledger_accounts WHERE code = 'b'"
        assert await sheet.rows(moved) == [(28,)]

    on_a_sheet(database, body)


def test_several_poisons_are_all_found(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        poisons = {3, 4, 17, 39}
        commands = [Do(rows=[row("p", "\0")]) if n in poisons else Count("k") for n in range(40)]
        answers = await sheet.together(*commands)
        good = [answer for n, answer in enumerate(answers) if n not in poisons]
        assert good == list(range(1, 37))
        assert all(isinstance(answers[n], OurMistake) for n in poisons)

    on_a_sheet(database, body)


def test_a_failed_chain_leaves_no_account_behind(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        failed, good = await sheet.together(
            Do(moves=[("x", "new", 5, "eur"), ("x", "new", 0, "eur")]),
            Do(moves=[("a", "new", 5, "usd")]),
        )
        assert isinstance(failed, OurMistake) and good == []
        found = await sheet.rows("SELECT code, account_no FROM nostro.ledger_accounts ORDER BY 2")
        assert found == [("a", 1), ("new", 2)]

    on_a_sheet(database, body)


def test_a_row_may_come_and_go_within_a_batch(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        await sheet.together(Do(rows=[row("old", "1")]))
        one: dict[str, Any] = {"declared": ["new", "old"]}
        answers = await sheet.together(
            Do(rows=[row("new", "1")], **one),
            Do(deletes=["new"], **one),
            Do(rows=[row("new", "2")], **one),
            Do(rows=[row("old", "2")], **one),
            Do(deletes=["old"], **one),
            Do(rows=[row("old", "3", "another endpoint")], **one),
            Do(deletes=["new"], **one),
        )
        assert [[found and found.answer for found in seen] for seen in answers] == [
            [None, "1"], ["1", "1"], [None, "1"], ["2", "1"], ["2", "2"], ["2", None], ["2", "3"]
        ]  # fmt: skip
        assert await sheet.keys() == {"old": "3"}
        assert await sheet.batches() == 2

    on_a_sheet(database, body)


class NextAttempt(msgspec.Struct, frozen=True):
    """An attempt ends as declined and the next one takes its place."""

    ended: Attempt
    next: Attempt
    book: int = BOOK
    seed: bytes = msgspec.field(default_factory=seed)

    def reads(self) -> Reads:
        return Reads([(ATTEMPTS, self.ended.id)])

    def decide(self, view: View) -> Decision[None]:
        found = view.get(ATTEMPTS, self.ended.id)
        rows = [(ATTEMPTS, self.next)]
        if found:
            rows.insert(0, (ATTEMPTS, replace(found, state=AttemptState.DECLINED)))
        return Decision(None, rows)


def test_what_ends_makes_room_for_what_begins(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        first = Attempt(
            "att_1", "acct", "pi_1", "ch_1", Operation.SALE, AttemptState.SENDING, "x", 1, "usd",
            "pm", BusinessTime(0), SystemTime(0), SystemTime(0), "h",
        )  # fmt: skip
        second = replace(first, id="att_2")
        assert await sheet.together(NextAttempt(first, first)) == [None]
        assert await sheet.together(NextAttempt(first, second)) == [None]
        states = await sheet.rows("SELECT state FROM nostro.payment_attempts ORDER BY id")
        assert states == [("declined",), ("sending",)]

    on_a_sheet(database, body)


def test_a_command_of_another_book_is_refused_at_once(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        with pytest.raises(OurMistake):
            await sheet.committer.run(Count("k", book=2))

    on_a_sheet(database, body)


def test_a_book_that_does_not_exist_fails_everyone(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        other = Committer(9, lambda: Session.open(database.app), CLOCK, ENTROPY)
        running = [other.run(Count("k", book=9)) for _ in range(20)]
        answers = await asyncio.gather(*running, return_exceptions=True)
        assert all("book 9 does not exist" in str(answer) for answer in answers)
        await other.close()

    on_a_sheet(database, body)


# The database's own line


class Stolen(msgspec.Struct, frozen=True):
    """Updates a row that somebody removes behind the lock's back while this is decided."""

    url: str
    book: int = BOOK
    seed: bytes = msgspec.field(default_factory=seed)

    def reads(self) -> Reads:
        return Reads([(KEYS, "k")])

    def decide(self, view: View) -> Decision[None]:
        found = view.get(KEYS, "k")
        assert found is not None
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DELETE FROM nostro.idempotency_keys WHERE id = 'k'")
        return Decision(None, [(KEYS, replace(found, answer="lost"))])


def test_an_update_that_misses_its_row_commits_nothing(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        await sheet.together(Do(rows=[row("k")]))
        failed, counted = await sheet.together(Stolen(database.app), Count("other", 3))
        assert isinstance(failed, OurMistake)
        assert counted == 1
        assert await sheet.keys() == {"other": "1"}

    on_a_sheet(database, body)


MISSES = {
    ("nostro.ledger", "advance_head"): (BOOK, 1, 1, 1, 9, 1, 1, b"", b""),
    ("nostro.ledger", "update_accounts"): (
        *(BOOK, "{1}", "{NULL}", "{NULL}", "{0}", "{0}", "{0}", "{0}", "{1}", "{7}"),
    ),
    ("nostro.ledger", "update_holds"): (
        BOOK,
        "{00000000-0000-0000-0000-000000000000}",
        "{1}",
        "{t}",
    ),
    ("nostro.idempotency", "update_idempotency_keys"): (BOOK, "{no}", "{x}", "{x}"),
    ("nostro.idempotency", "delete_idempotency_keys"): (BOOK, "{no}"),
}


@pytest.mark.parametrize(("where", "parameters"), MISSES.items(), ids=[n for _, n in MISSES])
def test_a_statement_that_misses_a_row_is_refused(
    database: ConnectionUrls, where: tuple[str, str], parameters: tuple[Any, ...]
) -> None:
    async def play() -> None:
        with pytest.raises(Exception, match="23N01"):
            await ask(database, load(where[0])[where[1]], *parameters)

    asyncio.run(play())


def test_every_write_that_changes_or_deletes_asserts_its_count() -> None:
    root = Path(nostro.__file__).parent
    rooms = [path.parent.name for path in root.glob("*/queries.sql")]
    seen = 0
    for room in rooms:
        for name, text in load(f"nostro.{room}").items():
            if name.startswith(("update_", "delete_", "advance_")) and "unnest" in text:
                seen += 1
                assert "must_equal(count(*), cardinality($2))" in text, (room, name)
    assert seen >= 10


def test_a_planted_write_without_its_count_is_seen(
    database: ConnectionUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saboteur: without the assertion the lost update would be answered as done."""

    async def body(sheet: Sheet) -> None:
        asserted = KEYS.update
        assert asserted is not None
        planted = asserted.replace("nostro.must_equal(count(*), cardinality($2))", "count(*)")
        assert planted != asserted
        await sheet.together(Do(rows=[row("k")]))
        monkeypatch.setattr(KEYS, "update", planted)
        assert await sheet.together(Stolen(database.app)) == [None]  # answered, and not there
        assert await sheet.keys() == {}
        monkeypatch.setattr(KEYS, "update", asserted)
        await sheet.together(Do(rows=[row("k")]))
        (failed,) = await sheet.together(Stolen(database.app))
        assert isinstance(failed, OurMistake)

    on_a_sheet(database, body)


# Time, queues, callers


def impatient(url: str, setting: str) -> Callable[[], Awaitable[Session]]:
    async def connect() -> Session:
        session = await Session.open(url)
        await session.run([Statement(setting)])
        return session

    return connect


def test_a_locked_book_is_waited_for_within_the_deadline(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        waiting = Committer(
            BOOK, impatient(database.app, "SET lock_timeout = '50ms'"), CLOCK, ENTROPY
        )
        holder = await Session.open(database.app)
        lock = [Statement("BEGIN"), Statement(load("nostro.ledger")["lock_head"], (BOOK,))]
        await holder.run(lock)
        patient = asyncio.create_task(waiting.run(Count("k")))
        hasty = asyncio.create_task(waiting.run(Count("k"), SystemTime(CLOCK.system() + 150)))
        with pytest.raises(DeadlineExceeded):
            await hasty
        await holder.run([Statement("COMMIT")])
        assert await patient == 1
        assert await sheet.keys() == {"k": "1"}
        await waiting.close()
        await holder.close()

    on_a_sheet(database, body)


def test_a_full_queue_refuses(database: ConnectionUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "QUEUE_COMMANDS_MAX", 5)

    async def body(sheet: Sheet) -> None:
        answers = await sheet.together(*[Count("k") for _ in range(9)])
        assert answers[:5] == [1, 2, 3, 4, 5]
        assert [type(answer) for answer in answers[5:]] == [Overloaded] * 4

    on_a_sheet(database, body)


def test_callers_that_leave_lose_nothing_and_repeat_nothing(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        tasks = [asyncio.create_task(sheet.committer.run(Count("k"))) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # still in the queue: never decided
        await asyncio.sleep(0.001)
        tasks[3].cancel()  # under way: decided, and nobody is told
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers[1], asyncio.CancelledError)
        assert isinstance(answers[3], asyncio.CancelledError)
        assert [answers[0], answers[2]] == [1, 2]
        assert await sheet.together(Count("k")) in ([3], [4])

    on_a_sheet(database, body)


def test_an_expired_command_is_not_decided(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        late = await sheet.together(Count("k"), deadline_ms=-1)
        assert isinstance(late[0], DeadlineExceeded)
        assert await sheet.keys() == {}

    on_a_sheet(database, body)


def test_the_committer_outlives_a_mistake_of_its_own(database: ConnectionUrls) -> None:
    class Broken(SystemClock):
        async def sleep(self, milliseconds: int) -> None:
            raise RuntimeError("a broken clock")

    async def body(sheet: Sheet) -> None:
        async with fault_proxy(database.app) as proxy:
            proxy.refusing = True
            broken = Committer(BOOK, lambda: Session.open(proxy.url), Broken(), ENTROPY)
            running = asyncio.gather(
                *(broken.run(Count("k")) for _ in range(3)), return_exceptions=True
            )
            answers = await asyncio.wait_for(running, 5)
            assert [type(answer) for answer in answers] == [CommitUnknown] * 3
            proxy.refusing = False
            assert await asyncio.wait_for(broken.run(Count("k")), 5) == 1
            await broken.close()

    on_a_sheet(database, body)


def test_closing_in_the_middle_of_a_commit_leaves_nobody_waiting(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        async with fault_proxy(database.app) as proxy:
            closing = Committer(BOOK, lambda: Session.open(proxy.url), CLOCK, ENTROPY)
            proxy.cuts = [Cut.BLACK_HOLE]
            under_way = [asyncio.create_task(closing.run(Count("k"))) for _ in range(3)]
            while not proxy.commits:
                await asyncio.sleep(0.005)
            queued = asyncio.create_task(closing.run(Count("k")))
            await asyncio.sleep(0)
            await closing.close()
            answers = await asyncio.wait_for(asyncio.gather(*under_way, return_exceptions=True), 5)
            assert [type(answer) for answer in answers] == [CommitUnknown] * 3
            with pytest.raises(DatabaseUnavailable):
                await asyncio.wait_for(queued, 5)
            with pytest.raises(DatabaseUnavailable):
                await asyncio.wait_for(closing.run(Count("k")), 5)

    on_a_sheet(database, body)


def test_a_session_with_a_leftover_transaction_is_not_used(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        await sheet.together(Count("k"))
        session = sheet.committer._session
        assert session is not None
        await session.run([Statement("BEGIN"), Statement("SELECT 1")])
        assert await sheet.together(Count("k")) == [2]
        assert sheet.committer._session is not session and session.closed
        assert await ask(database, "SELECT answer FROM nostro.idempotency_keys") == [("2",)]

    on_a_sheet(database, body)


def test_timeouts_are_bounded_whatever_the_role_says(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        owner = Committer(BOOK, lambda: Session.open(database.owner), CLOCK, ENTROPY)
        await owner.run(Count("k"))
        assert owner._session is not None
        names = "statement_timeout lock_timeout idle_in_transaction_session_timeout"
        for name in [*names.split(), "transaction_timeout"]:
            found = await owner._session.run([Statement(f"SHOW {name}")])
            assert found[0].rows[0][0] != "0"
        await owner.close()

    on_a_sheet(database, body)


# Stalls and several processes

STALLED = """
import asyncio, os, signal, sys
from nostro.db.committer import Committer
from nostro.db.session import Session, Statement
from tests.db.sheets import BOOK, CLOCK, ENTROPY, Count

class Stopped(Count, frozen=True):
    def decide(self, view):
        if not os.path.exists(sys.argv[2]):
            open(sys.argv[2], "w").close()
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().decide(view)

async def connect():
    session = await Session.open(sys.argv[1])
    await session.run([Statement("SET idle_in_transaction_session_timeout = '300ms'")])
    return session

async def main():
    committer = Committer(BOOK, connect, CLOCK, ENTROPY)
    answers = await asyncio.gather(*(committer.run(Stopped("k", 1)) for _ in range(5)))
    await committer.close()
    print(answers)

asyncio.run(main())
"""


def test_a_stopped_process_holds_no_book(database: ConnectionUrls, tmp_path: Path) -> None:
    async def body(sheet: Sheet) -> None:
        mark = tmp_path / "stopped"
        arguments = [sys.executable, "-c", STALLED, database.app, str(mark)]
        process = subprocess.Popen(  # noqa: ASYNC220  started at once
            arguments, stdout=subprocess.PIPE, text=True
        )
        try:
            while not mark.exists():
                await asyncio.sleep(0.01)
            # Its transaction is open; the server ends it, and the book goes on without it.
            assert await sheet.together(Count("k", 1)) == [1]
            os.kill(process.pid, signal.SIGCONT)
            told, _ = await asyncio.to_thread(process.communicate, timeout=15)
        finally:
            process.kill()
            process.wait()
        assert told.strip() == "[2, 3, 4, 5, 6]"
        assert await sheet.keys() == {"k": "6"}

    on_a_sheet(database, body)


def test_two_committers_on_one_book_lose_nothing(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet) -> None:
        async with sheet_on(database) as other:
            answers: dict[str, list[int]] = {f"k{n}": [] for n in range(7)}

            async def client(sheet: Sheet, number: int) -> None:
                for step in range(50):
                    key = f"k{(number + step) % 7}"
                    answers[key].append(await sheet.committer.run(Count(key, 1 + step)))

            clients = [client(sheet if n % 2 else other, n) for n in range(40)]
            await asyncio.gather(*clients)
            assert other.committer.batches > 10 and sheet.committer.batches > 10
        for key, numbers in answers.items():
            assert sorted(numbers) == list(range(1, len(numbers) + 1)), key
        assert sum(map(len, answers.values())) == 2_000
        moved = "SELECT credits_posted::int FROM nostro.ledger_accounts WHERE code = 'b'"
        assert await sheet.rows(moved) == [(40 * sum(range(1, 51)),)]

    on_a_sheet(database, body)
