"""A real HTTP server on a real socket that tests steer: how long it takes, what it answers."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import cast

import uvloop

ANSWER = b'{"id": "pi_1", "status": "succeeded"}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
REFUSED = b"HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


@dataclass
class Answering:
    """`answer(n)` gives the n-th answer's bytes, or None to close the connection; the answer is
    written in pieces of `piece` bytes, `delay(n)` seconds later."""

    answer: Callable[[int], bytes | None] = lambda _: OK
    delay: Callable[[int], float] = lambda _: 0.0
    piece: int = 0
    port: int = 0
    asked: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    merchants: Counter[str] = field(default_factory=Counter)


class _Protocol(asyncio.Protocol):
    def __init__(self, server: Answering) -> None:
        self._server, self._buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if end and len(body) >= int(fields[b"content-length"]):
            self._buffer = b""
            self._asked(fields)

    def _asked(self, fields: dict[bytes, bytes]) -> None:
        number = self._server.asked
        self._server.asked += 1
        self._server.keys[fields[b"idempotency-key"].decode()] += 1
        self._server.merchants[fields[b"authorization"].decode()] += 1
        answer, delay = self._server.answer(number), self._server.delay(number)
        if delay:
            asyncio.get_running_loop().call_later(delay, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes | None) -> None:
        if answer is None:
            self._transport.close()
        elif self._server.piece:
            asyncio.ensure_future(self._in_pieces(answer))
        else:
            self._transport.write(answer)

    async def _in_pieces(self, answer: bytes) -> None:
        for at in range(0, len(answer), self._server.piece):
            self._transport.write(answer[at : at + self._server.piece])
            await asyncio.sleep(0.001)


@contextmanager
def answering(server: Answering) -> Iterator[Answering]:
    """Run the server on a free port in a thread of its own."""
    listening, loop = Event(), uvloop.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        listener = await loop.create_server(lambda: _Protocol(server), "127.0.0.1", 0)
        server.port = cast(asyncio.Server, listener).sockets[0].getsockname()[1]
        listening.set()
        await done.wait()
        listener.close()

    thread = Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert listening.wait(5)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(5)
