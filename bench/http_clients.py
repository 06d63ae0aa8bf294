"""Which HTTP client to call acquirers with: cost per POST, and whether a POST is ever sent twice.

    python -m bench.http_clients [--seconds 3] [--rounds 3] [--only aiohttp,lean]

Needs aiohttp, httptools and uvloop, and for the others httpx and niquests; those not installed are
left out. Give it an environment of its own: niquests brings a package that takes urllib3's place.

Cost: 64 at once on kept-alive connections, 250 bytes of JSON each way, server and client on a core
each; CPU is the client process's own. Resending: the server closes a kept-alive connection at the
worst moments and counts how often it has read each request.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import itertools
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httptools
import uvloop

from bench.latency import Latencies

CONCURRENT = 64
ASK_SECONDS = 5.0
BODY = json.dumps({"reference": "r" * 24, "amount": 2000, "currency": "usd", "pad": "x" * 180})
ANSWER = json.dumps({"status": "approved", "id": "a" * 24, "pad": "y" * 190}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
OK = HEAD % len(ANSWER) + ANSWER
NUMBER = re.compile(rb"x-number: (\S+)", re.IGNORECASE)

Post = Callable[[str], Awaitable[int]]
"""POST BODY with an X-Number header; gives the status, raises when there is no answer."""


class Answer(asyncio.Protocol):
    """The measuring server: every request is answered at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin a parser."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse; `on_message_complete` answers."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of each request."""
        self._transport.write(OK)


async def serve() -> None:
    """Print a port and answer on it, on the last core, until standard input ends."""
    _pin(-1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class _Exchange(asyncio.Protocol):
    """One connection of the lean client: httptools parses, a future carries the status."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._future: asyncio.Future[int] | None = None
        self.alive = True

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        self._parser = httptools.HttpResponseParser(self)
        self._future = asyncio.get_running_loop().create_future()
        self._body: list[bytes] = []
        self._transport.write(request)
        return self._future

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(ConnectionError(str(error)))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._future is not None and not self._future.done():
            self.alive = self._parser.should_keep_alive()
            self._future.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(exc or ConnectionError("closed without an answer"))

    def fail(self, error: Exception) -> None:
        self.alive = False
        self._transport.abort()
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)


class Lean:
    """A POST is written once, on an idle connection or a new one; nothing is ever written again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[_Exchange] = deque()
        self._head = b"POST /authorize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\n" % (
            b"application/json"
        )

    async def post(self, number: str) -> int:
        """The status; a connection with a failed exchange is not used again."""
        exchange = self._pop() or await self._open()
        tail = b"X-Number: %b\r\nContent-Length: %d\r\n\r\n%b"
        request = self._head + tail % (number.encode(), len(BODY), BODY.encode())
        answer = exchange.ask(request)
        timer = asyncio.get_running_loop().call_later(ASK_SECONDS, exchange.fail, TimeoutError())
        try:
            status = await answer
        finally:
            timer.cancel()
        if exchange.alive:
            self._idle.append(exchange)
        return status

    def _pop(self) -> _Exchange | None:
        while self._idle:
            if (exchange := self._idle.pop()).alive:
                return exchange
        return None

    async def _open(self) -> _Exchange:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ASK_SECONDS):
            _, exchange = await loop.create_connection(_Exchange, "127.0.0.1", self._port)
        return exchange


@contextlib.asynccontextmanager
async def lean(port: int) -> Any:
    """The candidate of our own."""
    yield Lean(port).post


@contextlib.asynccontextmanager
async def with_aiohttp(port: int) -> Any:
    """aiohttp, no limit on connections."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def post(number: str) -> int:
            async with session.post(_url(port), data=BODY, headers=_headers(number)) as answer:
                await answer.read()
                return answer.status

        yield post


@contextlib.asynccontextmanager
async def resending_control(port: int) -> Any:
    """aiohttp with GET, which it does repeat: if it is not seen to, the experiment is blind."""
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def get(number: str) -> int:
            async with session.get(_url(port), data=BODY, headers=_headers(number)) as answer:
                await answer.read()
                return answer.status

        yield get


@contextlib.asynccontextmanager
async def with_httpx(port: int) -> Any:
    """httpx with its default transport, which has no retries."""
    import httpx  # type: ignore[import-not-found, unused-ignore]

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=ASK_SECONDS, trust_env=False) as client:

        async def post(number: str) -> int:
            answer = await client.post(_url(port), content=BODY, headers=_headers(number))
            return int(answer.status_code)

        yield post


@contextlib.asynccontextmanager
async def with_niquests(port: int) -> Any:
    """niquests with its default of no retries and a pool that fits."""
    import niquests  # type: ignore[import-not-found, unused-ignore]

    async with niquests.AsyncSession(pool_maxsize=2 * CONCURRENT) as session:
        session.trust_env = False

        async def post(number: str) -> int:
            answer = await session.post(
                _url(port), data=BODY, headers=_headers(number), timeout=ASK_SECONDS
            )
            assert answer.status_code is not None
            return int(answer.status_code)

        yield post


CLIENTS: dict[str, Callable[[int], Any]] = {
    "aiohttp": with_aiohttp,
    "httpx": with_httpx,
    "niquests": with_niquests,
    "lean": lean,
}


async def cost(client: str, port: int, seconds: float) -> dict[str, Any]:
    """CPU per POST and latencies with 64 at once."""
    latencies, numbers = Latencies(), itertools.count()
    async with CLIENTS[client](port) as post:
        await asyncio.gather(*(post("warm") for _ in range(CONCURRENT)))
        began, cpu = time.perf_counter(), time.process_time()

        async def keep_asking() -> None:
            while time.perf_counter() - began < seconds:
                at = time.perf_counter_ns()
                assert await post(str(next(numbers))) == 200
                latencies.add(time.perf_counter_ns() - at)

        await asyncio.gather(*(keep_asking() for _ in range(CONCURRENT)))
        spent, taken = time.process_time() - cpu, time.perf_counter() - began
    each = {"cpu_us": round(1e6 * spent / len(latencies), 1)}
    return {**each, "per_second": round(len(latencies) / taken), **(latencies.summary() or {})}


class Closing(asyncio.Protocol):
    """The server that closes. `how` says when, and `read` counts each request number it read."""

    def __init__(self, how: str, read: Counter[str]) -> None:
        self._how, self._read, self._answered, self._buffer = how, read, 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def eof_received(self) -> bool:
        """Keep our side as it is: the client may still write."""
        return False

    def data_received(self, data: bytes) -> None:
        """Answer the first request of the first connection, then behave badly."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < len(BODY):
            return
        self._buffer = b""
        found = NUMBER.search(head)
        assert found is not None
        number = found[1].decode()
        self._read[number] += 1
        if number == "victim" and self._answered and self._how.endswith("after reading"):
            self._close()
        elif number != "victim" or not self._answered:
            self._answer()

    def _answer(self) -> None:
        self._answered += 1
        self._transport.write(OK)
        # Half closed, our end says goodbye and still reads: a request written too late is seen.
        early = {"half-closed": self._half_close, "closed": self._transport.close}
        if self._how in early and self._answered == 1:
            asyncio.get_running_loop().call_later(0.02, early[self._how])

    def _half_close(self) -> None:
        with contextlib.suppress(OSError):
            self._transport.get_extra_info("socket").shutdown(socket.SHUT_WR)

    def _close(self) -> None:
        if self._how == "reset after reading":
            linger = struct.pack("ii", 1, 0)
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()
        else:
            self._transport.close()


CONTROL = "control: aiohttp GET"
CASES = (
    "closed after reading",
    "reset after reading",
    "closed, unnoticed",
    "half-closed, unnoticed",
    "half-closed, noticed",
)


async def closing(client: str, case: str) -> dict[str, Any]:
    """How often the server read one POST when its kept-alive connection ends in this way."""
    read: Counter[str] = Counter()
    make = resending_control if client == CONTROL else CLIENTS[client]
    port, stop = await asyncio.to_thread(_closing_server, case.partition(",")[0], read)
    try:
        async with make(port) as post:
            assert await post("first") == 200
            if "unnoticed" in case:
                time.sleep(0.1)  # noqa: ASYNC251 (the loop must not see the end of the stream)
            elif "noticed" in case:
                await asyncio.sleep(0.1)
            outcome = await _outcome(post)
    finally:
        stop()
    return {"times_read": read["victim"], "outcome": outcome}


async def _outcome(post: Post) -> str:
    try:
        async with asyncio.timeout(ASK_SECONDS + 1):
            return f"answered {await post('victim')}"
    except Exception as error:  # noqa: BLE001 (each client has its own tree of errors)
        return type(error).__name__


def _closing_server(how: str, read: Counter[str]) -> tuple[int, Callable[[], None]]:
    """A server on a loop and thread of its own, so that it acts while the client's loop is held."""
    import threading

    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(
        loop.create_server(lambda: Closing(how, read), "127.0.0.1", 0)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)

    return listener.sockets[0].getsockname()[1], stop


def main() -> None:
    """Measure every client that is installed; JSON on standard output."""
    options = _options()
    if options.serve:
        _run(serve())
        return
    wanted = options.only.split(",") if options.only else list(CLIENTS)
    present = [name for name in wanted if name == "lean" or importlib.util.find_spec(name)]
    control = [CONTROL] if importlib.util.find_spec("aiohttp") else []
    resends = {
        name: {case: [_run(closing(name, case)) for _ in range(options.repeat)] for case in CASES}
        for name in [*control, *present]
    }
    print(json.dumps({"cost": _costs(present, options), "resends": _tallied(resends)}, indent=2))


def _costs(names: list[str], options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Rounds interleaved over the clients, this process on the first core."""
    _pin(0)
    command = [sys.executable, "-m", "bench.http_clients", "--serve"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port, rows = int(server.stdout.readline()), {name: [] for name in names}  # type: ignore[var-annotated]
    try:
        for _, name in itertools.product(range(options.rounds), names):
            rows[name].append(_run(cost(name, port, options.seconds)))
    finally:
        server.terminate()
        server.wait()
    return rows


def _tallied(resends: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            case: dict(Counter(f"read {r['times_read']} times, {r['outcome']}" for r in rows))
            for case, rows in cases.items()
        }
        for name, cases in resends.items()
    }


def _run(coroutine: Any) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def _pin(which: int) -> None:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[which]})


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/authorize"


def _headers(number: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "X-Number": number}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("http_clients")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5, help="of each closing case")
    parser.add_argument("--only", default="")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
