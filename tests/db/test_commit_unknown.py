"""COMMITs whose answer is lost: what was committed is answered once, what was not is committed once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from psycopg.conninfo import make_conninfo

from nostro.db import committer as committing
from nostro.db.session import Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.idempotency.commands import Guarded
from nostro.idempotency.model import Replayed, Request
from nostro.kernel.answer import Answer, Proceed, Refusal
from nostro.kernel.command import Decision, View
from nostro.kernel.errors import CommitUnknown, DeadlineExceeded
from nostro.kernel.queries import load
from tests.db.fault_proxy import Cut, FaultProxy, fault_proxy
from tests.db.sheets import BOOK, Count, Do, Sheet, conserved, row, sheet_on

Body = Callable[[Sheet, FaultProxy], Awaitable[None]]


def on_a_bad_line(urls: ConnectionUrls, body: Body) -> None:
    async def play() -> None:
        async with fault_proxy(urls.app) as proxy, sheet_on(urls, proxy.url) as sheet:
            await body(sheet, proxy)
            await conserved(urls)

    asyncio.run(asyncio.wait_for(play(), 30))


LOST = [
    [Cut.BEFORE],
    [Cut.AFTER],
    [Cut.AT_ONCE],
    [Cut.BEFORE, Cut.AFTER],
    [Cut.BEFORE, Cut.BEFORE, Cut.BEFORE, Cut.AT_ONCE],
    [Cut.AFTER, Cut.AFTER],  # the question's own COMMIT is lost as well
]


def test_a_line_that_falls_silent_in_the_middle_holds_no_book(
    database: ConnectionUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has the writes and never gets COMMIT; nothing is closed, nobody speaks."""
    monkeypatch.setattr(committing, "ANSWER_SECONDS_MAX", 0.3)
    hasty = make_conninfo(database.app, options="-c transaction_timeout=500ms")

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k"))
        proxy.cuts = [Cut.BLACK_HOLE]
        assert await sheet.together(Count("k"), Count("k")) == [2, 3]

    on_a_bad_line(replace(database, app=hasty), body)


@pytest.mark.parametrize("cuts", LOST, ids=lambda cuts: "+".join(cut.value for cut in cuts))
def test_a_lost_commit_happens_once(database: ConnectionUrls, cuts: list[Cut]) -> None:
    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        assert await sheet.together(*[Count("k", 2) for _ in range(3)]) == [1, 2, 3]
        before = proxy.commits
        proxy.cuts = list(cuts)
        assert await sheet.together(*[Count("k", 2) for _ in range(5)]) == [4, 5, 6, 7, 8]
        assert proxy.cuts == [] and proxy.commits > before
        assert await sheet.keys() == {"k": "8"}
        assert await sheet.batches() == 2
        assert await sheet.together(Count("k", 2)) == [9]

    on_a_bad_line(database, body)


def test_lost_before_is_decided_again(database: ConnectionUrls) -> None:
    """Between the loss and the next attempt another process commits: the decision must see it."""

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        async with sheet_on(database) as other:
            proxy.cuts = [Cut.BEFORE]
            lost = asyncio.create_task(sheet.together(Count("k"), Count("k")))
            while not proxy.commits:
                await asyncio.sleep(0.001)
            assert await other.together(Count("k")) in ([1], [3])
            answers = await lost
        assert answers in ([1, 2], [2, 3])
        assert await sheet.keys() == {"k": "3"}

    on_a_bad_line(database, body)


def test_lost_after_is_not_taken_for_another_writers_batch(database: ConnectionUrls) -> None:
    """The number exists and the writer differs: this batch did not commit."""

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k"))
        async with sheet_on(database) as other:
            for _ in range(10):
                proxy.cuts = [Cut.BEFORE]
                ours = sheet.together(Count("k"), Count("k"))
                theirs = other.together(Count("k"))
                await asyncio.gather(ours, theirs)
        assert await sheet.keys() == {"k": "31"}

    on_a_bad_line(database, body)


def test_a_refusal_among_neighbours_whose_commit_is_lost(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        proxy.cuts = [Cut.AFTER, Cut.BEFORE]
        poison = Do(rows=[row("p", "\0")])
        answers = await sheet.together(Count("k"), Count("k"), poison, Count("k"), Count("k"))
        del answers[2]
        assert answers == [1, 2, 3, 4]
        assert await sheet.keys() == {"k": "4"}

    on_a_bad_line(database, body)


def test_reading_needs_no_commit(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        proxy.cuts = [Cut.BEFORE]
        assert await sheet.together(Do(declared=["k"])) == [[None]]

    on_a_bad_line(database, body)


def test_lost_before_anything_was_written(database: ConnectionUrls) -> None:
    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k"))
        proxy.cut_all()
        assert await sheet.together(Count("k"), Count("k")) == [2, 3]

    on_a_bad_line(database, body)


class Ask(Count, frozen=True):
    """A count under a key."""

    def decide(self, view: View) -> Decision[Answer | Refusal | Proceed]:  # type: ignore[override]
        decision = super().decide(view)
        return Decision(Answer(f'{{"n":{decision.answer}}}'), decision.rows, decision.transfers)


def guarded(key: str) -> Guarded:
    return Guarded(Ask("k", 1), Request(f"acct/{key}", "/v1/x", b"f", "req"))


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_an_outage_longer_than_the_deadline(database: ConnectionUrls, cut: Cut) -> None:
    """Nobody is told that it failed; whoever asks again under the key learns the truth."""

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k", 1))
        proxy.cuts, proxy.refusing = [cut], True
        asked = sheet.together(*[guarded(f"key{n}") for n in range(4)], deadline_ms=400)
        assert [type(answer) for answer in await asked] == [CommitUnknown] * 4
        late = await sheet.together(Count("k"), deadline_ms=100)
        assert [type(answer) for answer in late] == [DeadlineExceeded]  # known to be undone
        proxy.refusing = False
        again = await sheet.together(*[guarded(f"key{n}") for n in range(4)])
        expected = Replayed if cut is Cut.AFTER else Answer
        assert [type(answer) for answer in again] == [expected] * 4
        assert (await sheet.keys())["k"] == "5"
        moved = "SELECT credits_posted FROM nostro.ledger_accounts WHERE code = 'b'"
        assert await sheet.rows(moved) == [(5,)]

    on_a_bad_line(database, body)


def test_the_question_waits_for_the_lost_transaction(database: ConnectionUrls) -> None:
    """A commit that still hangs in the server is not answered before it ends."""

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k"))
        blocker = await Session.open(database.owner)
        # The insert into batches waits for this lock; the head lock is held by the lost transaction.
        await blocker.run(
            [Statement("BEGIN"), Statement("LOCK TABLE nostro.batches IN EXCLUSIVE MODE")]
        )
        proxy.cuts = [Cut.AT_ONCE]
        asked = asyncio.create_task(sheet.together(Count("k"), Count("k")))
        await asyncio.sleep(0.3)
        assert not asked.done()
        await blocker.run([Statement("COMMIT")])
        assert await asked == [2, 3]
        await blocker.close()
        assert await sheet.keys() == {"k": "3"}

    on_a_bad_line(database, body)


def test_a_deadline_that_has_passed_does_not_stop_the_question(database: ConnectionUrls) -> None:
    """A stall longer than the deadline: asked once all the same, and the answer is the truth."""

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        await sheet.together(Count("k"))
        blocker = await Session.open(database.app)
        await blocker.run(
            [Statement("BEGIN"), Statement(load("nostro.ledger")["lock_head"], (BOOK,))]
        )
        proxy.cuts = [Cut.AFTER]
        asked = asyncio.create_task(sheet.together(Count("k"), deadline_ms=150))
        await asyncio.sleep(0.3)
        await blocker.run([Statement("COMMIT")])
        assert await asked == [2]
        await blocker.close()

    on_a_bad_line(database, body)


@pytest.mark.parametrize("number", range(3))
def test_any_sequence_of_losses(database: ConnectionUrls, number: int) -> None:
    """Two committers, one behind a line that keeps breaking: every command counts once."""
    chance = random.Random(number)

    async def body(sheet: Sheet, proxy: FaultProxy) -> None:
        async with sheet_on(database) as other:
            answers: list[int] = []
            running = True

            async def client(sheet: Sheet) -> None:
                for _ in range(20):
                    answers.append(await sheet.committer.run(Count("k", 3)))

            async def weather() -> None:
                while running:
                    proxy.cuts = [chance.choice([Cut.BEFORE, Cut.AFTER, Cut.AT_ONCE])]
                    if chance.random() < 0.3:
                        proxy.cut_all()
                    await asyncio.sleep(0.05 + chance.random() * 0.2)

            storm = asyncio.create_task(weather())
            await asyncio.gather(*(client(sheet if n % 3 else other) for n in range(24)))
            running = False
            await storm
        assert sorted(answers) == list(range(1, 481))
        assert await other.keys() == {"k": "480"}

    on_a_bad_line(database, body)
