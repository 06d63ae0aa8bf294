"""Each fault of a wire does what it is called, and nothing else: seen from both ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nostro.db.cluster import SOCKET_NAME
from nostro.db.urls import ConnectionUrls
from tests.chaos.speech import Http, Postgres
from tests.chaos.wire import OF_COMMITS, Fault, Stream, Wire
from tests.server import free_port

BODY = b"x" * 1_000
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
PACE_SECONDS = 0.3
# What comes of a request under each fault: whether the server sees it, and whether the client has an answer.
OUTCOMES = {
    None: (True, True),
    Fault.DELAY: (True, True),
    Fault.DRIP: (True, True),
    Fault.DROP: (False, False),
    Fault.HOLE: (False, False),
    Fault.LOST: (True, False),
    Fault.CUT: (True, False),
}


@asynccontextmanager
async def wired(fault: Fault | None, seen: list[bytes]) -> AsyncIterator[str]:
    """A wire before a server that answers everything, and where it is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = Http()
        while (request := await http.next(reader)) is not None:
            seen.append(request.raw)
            writer.write(REPLY)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", free_port())
    there = server.sockets[0].getsockname()[1]

    async def connect() -> Stream:
        return await asyncio.open_connection("127.0.0.1", there)

    wire, port = Wire("test", connect, Http, PACE_SECONDS, "1"), free_port()
    await wire.listen_at(port)
    wire.spoil({fault: 1.0} if fault is not None else {})
    try:
        yield f"http://127.0.0.1:{port}/"
        assert wire.messages == 1
        assert dict(wire.faults) == ({fault: 1} if fault is not None else {})
    finally:
        await wire.close()
        server.close()


@pytest.mark.parametrize(("fault", "outcome"), OUTCOMES.items(), ids=str)
def test_what_comes_of_a_request(fault: Fault | None, outcome: tuple[bool, bool]) -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        loop = asyncio.get_running_loop()
        async with wired(fault, seen) as url, aiohttp.ClientSession() as http:
            began = loop.time()
            try:
                async with http.post(url, data=b"body") as answer:
                    answered = await answer.read() == BODY
            except aiohttp.ClientError:
                answered = False
            assert (len(seen) == 1, answered) == outcome
            slow = loop.time() - began > 0.01
            assert slow or fault not in (Fault.DELAY, Fault.HOLE, Fault.DRIP)

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", OF_COMMITS)
def test_a_commit_that_is_cut(fault: Fault, database: ConnectionUrls, tmp_path: Path) -> None:
    async def scenario() -> None:
        with psycopg.connect(database.owner, autocommit=True) as direct:
            direct.execute("CREATE TABLE facts (id int)")
            async with through(database.owner, tmp_path) as (wire, url):
                connection = await psycopg.AsyncConnection.connect(url)
                await connection.execute("INSERT INTO facts VALUES (1)")
                wire.spoil({fault: 1.0})
                with pytest.raises(psycopg.OperationalError):
                    await connection.commit()
                assert dict(wire.faults) == {fault: 1}
            kept = direct.execute("SELECT count(*) FROM facts").fetchone()
            expected = {Fault.COMMIT_CUT: (0,), Fault.COMMIT_LOST: (1,)}
            assert kept == expected.get(fault, kept)

    asyncio.run(scenario())


@asynccontextmanager
async def through(url: str, directory: Path) -> AsyncIterator[tuple[Wire, str]]:
    """A wire before the database of `url`, and the URL behind it."""
    server = f"{conninfo_to_dict(url)['host']}/{SOCKET_NAME}"

    async def connect() -> Stream:
        return await asyncio.open_unix_connection(server)

    wire = Wire("database", connect, Postgres, PACE_SECONDS, "1")
    await wire.listen_on(str(directory / SOCKET_NAME))
    try:
        yield wire, make_conninfo(url, host=str(directory))
    finally:
        await wire.close()
