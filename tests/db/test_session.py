"""A session against a real server: what it says of errors, losses and its own state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nostro.db.pool import Pool
from nostro.db.session import ConnectionLost, Refused, Session, Statement
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import DatabaseUnavailable
from tests.db.fault_proxy import fault_proxy

Body = Callable[[Session], Awaitable[None]]


def on_a_session(urls: ConnectionUrls, body: Body) -> None:
    async def play() -> None:
        session = await Session.open(urls.app)
        try:
            await body(session)
        finally:
            await session.close()

    asyncio.run(play())


async def one(session: Session, text: Any, *parameters: Any) -> Any:
    return (await session.run([Statement(text, parameters)]))[0].rows[0][0]


def test_answers_belong_to_their_statements(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        for _ in range(2):  # prepared, then known
            results = await session.run(
                [
                    Statement("SELECT $1::int", (1,)),
                    Statement("SELECT 2 WHERE false"),
                    Statement("SELECT $1::int", (3,)),
                    Statement("SELECT $1::text", ('q"\\',)),
                ]
            )
            assert [found.rows for found in results] == [[(1,)], [], [(3,)], [('q"\\',)]]

    on_a_session(database, body)


def test_the_culprit_is_named_and_no_transaction_stays_open(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        with pytest.raises(Refused) as refused:
            await session.run(
                [
                    Statement("BEGIN"),
                    Statement("SELECT 1 / $1::int", (0,)),
                    Statement("SELECT 'skipped'"),
                    Statement("COMMIT"),
                ]
            )
        assert refused.value.sqlstate == "22012"
        assert session.idle
        assert await one(session, "SELECT 'skipped'") == "skipped"
        assert await one(session, "SELECT 1 / $1::int", 1) == 1

    on_a_session(database, body)


def test_errors_do_not_pile_up_prepared_statements(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        for number in range(20):
            with pytest.raises(Refused):
                await session.run(
                    [
                        Statement("BEGIN"),
                        Statement("SELECT 1 / $1::int", (0,)),
                        Statement("COMMIT"),
                    ]
                )
        assert await one(session, "SELECT count(*) FROM pg_prepared_statements") <= 6

    on_a_session(database, body)


def test_a_statement_that_cannot_be_prepared(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await session.run([Statement("SELECT 1"), Statement("SELEKT 2")])
            assert refused.value.sqlstate == "42601"
        assert await one(session, "SELECT 1") == 1

    on_a_session(database, body)


@pytest.mark.parametrize("value", ["a\0b", "a\ud800b", ["a\0b", None], ["a\0b"], ["\ud800"]])
def test_text_that_postgresql_cannot_hold_is_never_sent(
    database: ConnectionUrls, value: Any
) -> None:
    async def body(session: Session) -> None:
        with pytest.raises(ValueError, match=r"NUL|surrogates"):
            await session.run([Statement("SELECT $1::text", (value,))])
        assert session.idle
        assert await one(session, "SELECT 1") == 1

    on_a_session(database, body)


def test_large_batches_both_ways_do_not_block_each_other(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        texts = [chr(97 + number % 26) * 500_000 for number in range(64)]
        asked = [Statement("SELECT $1::text", (text,)) for text in texts]
        results = await session.run(asked, 20)
        assert [found.rows[0][0] for found in results] == texts

    on_a_session(database, body)


def test_a_large_batch_through_a_slow_line(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with fault_proxy(database.app) as proxy:
            session = await Session.open(proxy.url)
            proxy.drip_bytes = 1_009
            texts = [str(number) * 50_000 for number in range(10)]
            results = await session.run([Statement("SELECT $1::text", (text,)) for text in texts])
            assert [found.rows[0][0] for found in results] == texts
            await session.close()

    asyncio.run(play())


def test_silence_is_a_lost_connection(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        with pytest.raises(ConnectionLost):
            await session.run([Statement("SELECT pg_sleep(3)")], 0.1)
        assert session.closed
        with pytest.raises(ConnectionLost):
            await session.run([Statement("SELECT 1")])

    on_a_session(database, body)


def test_a_cancelled_run_leaves_no_session_behind(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        running = asyncio.create_task(session.run([Statement("SELECT pg_sleep(3)")]))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert session.closed
        other = await Session.open(database.app)  # likely the same descriptor
        assert await one(other, "SELECT pg_sleep(0.05)::text || 'x'") == "x"
        await other.close()

    on_a_session(database, body)


def test_a_terminated_backend_is_a_lost_connection(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        process = await one(session, "SELECT pg_backend_pid()")
        other = await Session.open(database.app)
        await other.run([Statement("SELECT pg_terminate_backend($1::int)", (process,))])
        await other.close()
        with pytest.raises(ConnectionLost):
            await session.run([Statement("BEGIN"), Statement("SELECT 1"), Statement("COMMIT")])
        assert session.closed and not session.idle

    on_a_session(database, body)


def test_a_loader_that_fails_closes_the_session(database: ConnectionUrls) -> None:
    async def body(session: Session) -> None:
        with pytest.raises(Exception, match="year|date|range|large"):
            await session.run([Statement("BEGIN"), Statement("SELECT '294276-01-01'::timestamp")])
        assert session.closed

    on_a_session(database, body)


def test_the_pool_keeps_no_session_in_a_transaction(database: ConnectionUrls) -> None:
    async def play() -> None:
        pool = Pool(database.app, connections_max=1)
        await pool.write("BEGIN")
        process = (await pool.fetch("SELECT pg_backend_pid(), pg_current_xact_id_if_assigned()"))[0]
        assert process[1] is None
        status = await pool.fetch(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state LIKE 'idle in transaction%' AND datname = current_database()"
        )
        assert status == [(0,)]
        await pool.close()

    asyncio.run(play())


def test_the_pool_survives_a_restart_and_reports_an_outage(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with fault_proxy(database.app) as proxy:
            pool = Pool(proxy.url)
            await asyncio.gather(*(pool.fetch("SELECT pg_sleep(0.02)") for _ in range(4)))
            proxy.cut_all()
            assert await pool.fetch("SELECT 1") == [(1,)]
            proxy.refusing = True
            proxy.cut_all()
            with pytest.raises(DatabaseUnavailable):
                await pool.fetch("SELECT 1")
            proxy.refusing = False
            assert await pool.fetch("SELECT 1") == [(1,)]
            await pool.close()

    asyncio.run(play())
