"""A connection's deadlines and its order of answers, with an application that can be held up; a real server, shorter times."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from nostro.api.errors import ApiError
from nostro.api.http import limits
from nostro.api.http.connection import Connection
from nostro.api.whole_body import whole_or_refused
from nostro.cli.ports import door
from nostro.cli.serve import Server, server

HOST = "127.0.0.1"
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ")
HEAD = b"POST /sale HTTP/1.1\r\nHost: x\r\n"


class Quick(Connection):
    """The same, in less time."""

    head_seconds, body_seconds, linger_seconds, look_seconds = 0.2, 0.3, 0.3, 0.02


class Recorder:
    """An application that keeps the bodies it got whole, and waits before it answers a `/held` one."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.refused = 0
        self.let_go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lives(receive, send)
            return
        try:
            body = await self._body(whole_or_refused(receive))
        except ApiError:
            self.refused += 1
            return
        self.whole.append(body)
        if scope["path"] == "/held":
            await self.let_go.wait()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _lives(self, receive: Any, send: Any) -> None:
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})

    async def _body(self, receive: Any) -> bytes:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        return body


class Client:
    """A socket's two ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send these bytes, with a pause after each piece, until the server closes."""
        with suppress(ConnectionResetError):
            for part in parts:
                self._writer.write(part)
                await self._writer.drain()
                await asyncio.sleep(pause)

    def end(self) -> None:
        """Send no more."""
        self._writer.write_eof()

    async def answers(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self._reader.read(), 5)


class World:
    """A running server and its application."""

    def __init__(self, port: int, running: Server, application: Recorder) -> None:
        self.port, self.running, self.application = port, running, application

    async def client(self) -> Client:
        """A new connection."""
        return Client(*await asyncio.open_connection(HOST, self.port))


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    application = Recorder()
    running = server(application, Quick, limits.IDLE_SECONDS)
    listening: socket.socket = door("--port", HOST, 0)
    port = listening.getsockname()[1]
    task = asyncio.create_task(running.serve([listening]))
    while not running.started:
        await asyncio.sleep(0.005)
    try:
        yield World(port, running, application)
    finally:
        application.let_go.set()
        running.stop()
        await task


def within(story: Callable[[World], Awaitable[None]]) -> None:
    async def told() -> None:
        async with world() as place:
            await story(place)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(told())


def statuses(answers: bytes) -> list[int]:
    return [int(found[1]) for found in STATUS_LINE.finditer(answers)]


def last_error(answers: bytes) -> dict[str, Any]:
    head, _, body = answers[[*STATUS_LINE.finditer(answers)][-1].end() :].partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head and b"connection: close" in head
    error: dict[str, Any] = json.loads(body)["error"]
    assert error["type"] and error["message"]
    return error


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 9\r\n\r\n1234", b"Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n"],
)
def test_a_body_that_takes_too_long_is_refused_and_nothing_is_done(framing: bytes) -> None:
    async def story(place: World) -> None:
        client = await place.client()
        await client.say(HEAD + framing)
        said = await client.answers()
        assert statuses(said) == [408]
        assert "nothing was done" in last_error(said)["message"]
        assert b"stripe-should-retry: true" in said
        assert (place.application.whole, place.application.refused) == ([], 1)

    within(story)


def test_bytes_that_keep_coming_do_not_put_the_deadline_off() -> None:
    async def story(place: World) -> None:
        client = await place.client()
        await client.say(HEAD + b"Content-Length: 100\r\n\r\n", *[b"a"] * 30, pause=0.02)
        assert statuses(await client.answers()) == [408]
        assert place.application.whole == []

    within(story)


def test_a_head_that_takes_too_long_is_refused_and_silence_is_ended() -> None:
    async def story(place: World) -> None:
        silent, slow = await place.client(), await place.client()
        await slow.say(HEAD)
        said = await slow.answers()
        assert statuses(said) == [408]
        last_error(said)
        assert await silent.answers() == b""

    within(story)


def test_what_was_asked_before_is_answered_before_a_refusal() -> None:
    """Else the first of them, which is being done, would be told that nothing was done."""

    async def story(place: World) -> None:
        client = await place.client()
        await client.say(b"GET /held HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\njunk\r\n\r\n")
        await asyncio.sleep(0.1)
        place.application.let_go.set()
        said = await client.answers()
        assert statuses(said) == [200, 200, 400]
        last_error(said)

    within(story)


@pytest.mark.parametrize("ended", [True, False])
def test_a_cut_off_request_behind_another_never_reaches_the_application(ended: bool) -> None:
    async def story(place: World) -> None:
        client = await place.client()
        first = b"POST /held HTTP/1.1\r\nContent-Length: 1\r\n\r\n1"
        await client.say(first + HEAD + b"Content-Length: 9\r\n\r\n1234")
        if ended:
            client.end()
        await asyncio.sleep(0.1)
        place.application.let_go.set()
        said = await client.answers()
        assert statuses(said) == [200, 400 if ended else 408]
        assert place.application.whole == [b"1"]

    within(story)


def test_a_client_that_ends_its_side_gets_its_answers() -> None:
    async def story(place: World) -> None:
        client = await place.client()
        await client.say(b"GET /held HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        client.end()
        await asyncio.sleep(0.05)
        place.application.let_go.set()
        assert statuses(await client.answers()) == [200, 200]

    within(story)


def test_a_client_that_is_still_sending_reads_why_it_is_refused() -> None:
    """Closed with bytes unread, the connection would be reset and the answer lost."""

    async def story(place: World) -> None:
        client = await place.client()
        await client.say(b"GET /" + b"a" * 4_000_000 + b" HTTP/1.1\r\n\r\n")
        said = await client.answers()
        assert statuses(said) == [414]
        last_error(said)

    within(story)


def test_stopping_answers_what_is_whole_and_refuses_what_is_not() -> None:
    async def story(place: World) -> None:
        idle, whole, half = [await place.client() for _ in range(3)]
        await idle.say(b"GET / HTTP/1.1\r\n\r\n")
        await whole.say(b"GET /held HTTP/1.1\r\n\r\n")
        await half.say(HEAD + b"Content-Length: 9\r\n\r\n1234")
        await asyncio.sleep(0.05)
        place.running.stop()
        assert statuses(await idle.answers()) == [200]
        said = await half.answers()
        assert statuses(said) == [503]
        last_error(said)
        place.application.let_go.set()
        assert statuses(await whole.answers()) == [200]
        assert place.application.whole == [b"", b""]

    within(story)


def test_however_the_bytes_are_divided_the_bodies_are_the_same() -> None:
    """Big ones, chunked ones and none, one after another; and no head is taken for too large behind a body."""
    bodies = [b"a" * 200_000, b"", b"b" * 3, b"c" * 70_000, b"d" * 1_000]
    sent = b""
    for number, body in enumerate(bodies):
        if number % 2:
            chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
            sent += HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nT: t\r\n\r\n"
        else:
            sent += HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    dice = random.Random(20_260_729)

    async def story(place: World) -> None:
        for cuts in (0, 3, 40):
            place.application.whole.clear()
            at = [0, *sorted(dice.sample(range(len(sent)), cuts)), len(sent)]
            client = await place.client()
            reading = asyncio.create_task(client.answers())
            pieces = [sent[a:b] for a, b in itertools.pairwise(at)]
            await client.say(*pieces, pause=0.002)
            client.end()
            assert statuses(await reading) == [200] * len(bodies)
            assert place.application.whole == bodies

    within(story)
