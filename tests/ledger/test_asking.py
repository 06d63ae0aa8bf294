"""Questions to the ledger give what a naive reading of every transfer gives."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.clock import DAY, HOUR
from nostro.kernel.errors import Misconfigured
from nostro.ledger import sides, statement, story
from nostro.ledger.accounts import (
    LedgerAccount,
    NoSuchAccount,
    list_accounts,
    require_account,
)
from nostro.ledger.balance_at import balance_at, balance_by_effective_date
from nostro.ledger.breakdown import break_down
from nostro.ledger.clearing import KINDS
from nostro.ledger.days import day_of
from nostro.ledger.open_items import open_items
from nostro.ledger.position import position
from nostro.ledger.trial_balance import trial_balance
from tests.books import BOOK, CLOCK, Books, books_on
from tests.ledger.asked import (
    CODES,
    effective,
    invent,
    post,
    replayed,
    rows,
    single,
)
from tests.server import ROOT

INSTANTS = 200


def with_books(database: ConnectionUrls, play: Callable[[Books], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with books_on(database) as books:
            await play(books)

    asyncio.run(asyncio.wait_for(whole(), 60))


async def accounts_of(books: Books) -> dict[str, LedgerAccount]:
    return {code: await require_account(books.pool, BOOK, code) for code in CODES}


def test_any_instant_and_any_effective_day_as_replayed(database: ConnectionUrls) -> None:
    chance = random.Random(3)

    async def check(books: Books) -> None:
        found, accounts = await rows(books), await accounts_of(books)
        first, last = found[0][1], found[-1][1]
        for _ in range(INSTANTS):
            code, at = chance.choice(CODES), chance.randint(first - 2, last + 2)
            balance = await balance_at(books.pool, BOOK, accounts[code].number, at)
            assert balance == replayed(found, code, at), (code, at)
        today = day_of(last)
        for day in {*chance.sample(range(today - 40, today + 4), 30), today - 1, today, today + 1}:
            for code in CODES:
                balance = await balance_by_effective_date(
                    books.pool, BOOK, accounts[code].number, day
                )
                debits, credits = effective(found, code, day)
                assert (balance.debits_posted, balance.credits_posted) == (debits, credits)

    async def play(books: Books) -> None:
        await invent(books, chance, 120)
        await check(books)
        today = day_of(CLOCK.business())
        for _ in range(50):
            debit, credit = chance.sample(CODES, 2)
            day = today - chance.randint(1, 30)
            await post(books, single(debit, credit, chance.randint(1, 99), effective_on=day))
        await post(books, single(CODES[0], CODES[1], 7, effective_on=today + 2))
        await check(books)

    with_books(database, play)


def test_a_statement_sums_and_its_pages_join(database: ConnectionUrls) -> None:
    async def play(books: Books) -> None:
        await invent(books, random.Random(4), 60)
        account, found = (await accounts_of(books))[CODES[0]], await rows(books)
        middle = found[len(found) // 2][1]
        for start, end in ((None, None), (None, middle), (middle, None), (middle, middle + 20)):
            within = await statement.bounds(books.pool, BOOK, account, start, end)
            lines = [e async for page in statement.every_entry(books.pool, BOOK, account, within)
                     for e in page]  # fmt: skip
            opening = sides.posted(account.code, within.opening)
            closing = sides.posted(account.code, within.closing)
            assert opening + sum(line.amount for line in lines) == closing
            for line in lines:
                opening += line.amount
                assert line.balance == opening
                assert (start or 0) <= line.at_ms < (end or 2**62)
        within = await statement.bounds(books.pool, BOOK, account)
        whole = (await statement.entries(books.pool, BOOK, account, within, limit=9_999)).entries
        assert [line.number for line in whole] == list(range(1, account.balance.version + 1))
        forwards, backwards, after, before = [], [], 0, len(whole) + 1
        filters = statement.Filters("fee", "ch_2")
        while True:
            page = await statement.entries(
                books.pool, BOOK, account, within, filters, after, None, 3
            )
            forwards += page.entries
            if not page.has_more:
                break
            after = page.entries[-1].number
        while True:
            page = await statement.entries(
                books.pool, BOOK, account, within, filters, None, before, 3
            )
            backwards = page.entries + backwards
            if not page.has_more:
                break
            before = page.entries[0].number
        wanted = [line for line in whole if (line.code, line.subject) == ("fee", "ch_2")]
        assert forwards == backwards == wanted and len(wanted) > 3
        assert whole[4].number == await statement.number_of(
            books.pool, BOOK, account, whole[4].transfer
        )

    with_books(database, play)


def test_pages_while_rows_are_being_added(database: ConnectionUrls) -> None:
    async def play(books: Books) -> None:
        chance = random.Random(5)
        await invent(books, chance, 30)
        account = (await accounts_of(books))[CODES[0]]
        within = await statement.bounds(books.pool, BOOK, account)
        seen, after, more = [], 0, True
        while more:
            page = await statement.entries(books.pool, BOOK, account, within, after=after, limit=4)
            await invent(books, chance, 2)
            seen += [line.number for line in page.entries]
            after, more = page.entries[-1].number, page.has_more
        assert seen == list(range(1, within.closing.version + 1))
        newer = await statement.bounds(books.pool, BOOK, account)
        assert newer.closing.version > within.closing.version
        page = await statement.entries(books.pool, BOOK, account, newer, after=after)
        assert page.entries[0].number == after + 1

    with_books(database, play)


def test_parts_sum_to_the_balance_and_the_trial_balance_is_equal(database: ConnectionUrls) -> None:
    async def play(books: Books) -> None:
        await invent(books, random.Random(6), 60)
        found = await rows(books)
        for code, account in (await accounts_of(books)).items():
            parts = await break_down(books.pool, BOOK, account)
            for told in (parts.by_code, parts.by_subject):
                assert sum(part.amount for part in told.values()) == sides.posted(
                    code, parts.balance
                )
                assert sum(part.pending for part in told.values()) == sides.pending(
                    code, parts.balance
                )
            assert parts.balance == replayed(found, code, 2**62)
        for at in (None, found[len(found) // 2][1], found[0][1] - 1):
            lines, totals = await trial_balance(books.pool, BOOK, at)
            until = 2**62 if at is None else at
            assert {line.code: line.balance for line in lines} == {
                code: balance for code in CODES if (balance := replayed(found, code, until)).version
            }
            posted = sum(row[3] for row in found if row[1] <= until)
            assert all(total.equal for total in totals.values())
            assert sum(total.debits_posted for total in totals.values()) == posted

    with_books(database, play)


def test_a_story_has_the_balances_right_after_each_transfer(database: ConnectionUrls) -> None:
    async def play(books: Books) -> None:
        await invent(books, random.Random(7), 40)
        found = await rows(books)
        told = await story.story(books.pool, BOOK, ["ch_1"])
        assert [line.seq for line in told] == [row[0] for row in found if row[8] == "ch_1"]
        for line in told:
            before = [row for row in found if row[0] <= line.seq]
            for side in (line.debit, line.credit):
                balance = replayed(before, side.account, 2**62)
                assert side.balance == sides.posted(side.account, balance)
                assert side.held == sides.pending(side.account, balance)
        chained = next(line for line in told if line.chain)
        subjects = await story.subjects_of_transfer(books.pool, BOOK, chained.transfer)
        chain = {row[8] for row in await books.rows(
            "SELECT 0,0,0,0,0,0,0,0, subject FROM nostro.transfers WHERE chain_id = $1::uuid",
            chained.chain)}  # fmt: skip
        assert {*subjects} >= chain

    with_books(database, play)


def test_open_items_age_and_the_score_is_as_defined(database: ConnectionUrls) -> None:
    clearing, bank, seller = "acquirer:x:clearing:usd", "bank:b:incoming:usd", CODES[0]

    async def play(books: Books) -> None:
        now = CLOCK.business()
        empty = await open_items(books.pool, BOOK, now)
        assert (empty.items, empty.scores) == ([], {})
        await post(books, single(clearing, seller, 100, subject="ch_1"))
        await post(books, single(clearing, seller, 300, subject="ch_2"))
        await post(books, single(bank, clearing, 300, "settlement", "ch_2"))
        await post(books, single("suspense:bank:usd", bank, 50, "unmatched", "line_1"))
        soon = await open_items(books.pool, BOOK, CLOCK.business() + HOUR)
        assert {(i.account, i.subject, i.amount) for i in soon.items} == {
            (clearing, "ch_1", 100), (bank, "ch_2", 300), (bank, "line_1", -50),
            ("suspense:bank:usd", "line_1", 50),
        }  # fmt: skip
        score = soon.scores["usd"]
        assert (score.clearing, score.timeliness) == (None, 1.0)  # only ch_2 can be judged
        assert score.completeness == score.score == 700 / 750
        late = await open_items(books.pool, BOOK, CLOCK.business() + 6 * DAY)
        score = late.scores["usd"]
        assert all(item.overdue(late.at_ms) for item in late.items)
        assert score.clearing == 300 / (100 + 300 + 300 + 50 + 50)
        assert score.timeliness == 1 / 5
        assert score.score == pytest.approx(300 / 800 * (1 / 5) * (700 / 750))

    with_books(database, play)


def test_accounts_are_listed_and_a_mistyped_one_is_guessed(database: ConnectionUrls) -> None:
    async def play(books: Books) -> None:
        await invent(books, random.Random(8), 20)
        pages, after, more = [], "", True
        while more:
            page = await list_accounts(books.pool, BOOK, after=after, limit=1)
            pages += [account.code for account in page.accounts]
            after, more = pages[-1], page.has_more
        assert pages == sorted(CODES)
        back = await list_accounts(books.pool, BOOK, before=pages[2], limit=9)
        assert [account.code for account in back.accounts] == pages[:2]
        assert not (await list_accounts(books.pool, BOOK, currency="eur")).accounts
        with pytest.raises(NoSuchAccount, match="did you mean merchant:acct_1:pending:usd"):
            await require_account(books.pool, BOOK, "merchant:acct_1:pendin:usd")
        with pytest.raises(Misconfigured, match="there is no book 9"):
            await position(books.pool, 9)

    with_books(database, play)


def test_the_limits_of_the_reference_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "reference" / "explainability.md").read_text("utf-8")
    units = {"days": DAY, "day": DAY, "hour": HOUR}
    told = {
        name: int(number) * units[unit]
        for name, number, unit in re.findall(
            r"^\| (\w+) \|.*\| (\d+) (\w+) \|$", page, re.MULTILINE
        )
    }
    assert told == {kind.name: kind.limit_ms for kind in KINDS}
