"""A bad network between two parties: a proxy that breaks what a network can break, each fault at its own rate.

Faults are drawn for each message by a seeded generator. What was drawn is counted; `heal` ends it all.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from random import Random

from nostro.conformance.exchange import reset
from tests.chaos.speech import Saying, Speech

CHUNK = 65_536
WAIT_SECONDS_MAX = 4.0  # longer than an acquirer's answer is waited for, and than some clients wait
DRIPS = 40
ANSWER_SECONDS_MAX = 10.0


class Fault(StrEnum):
    """What is done to a message, or to its answer."""

    DELAY = "delay"  # forwarded late
    DROP = "drop"  # both sides are reset before it is forwarded
    LOST = "reset after forwarding"  # it is acted on; both sides are reset before the answer
    HOLE = "black hole"  # swallowed in silence for a time, then reset
    DRIP = "drip"  # the answer comes a few bytes at a time
    CUT = "cut answer"  # a part of the answer comes, then the end
    COMMIT_CUT = "cut before COMMIT"  # all but the COMMIT and what follows it is forwarded
    COMMIT_LOST = "cut after COMMIT"  # it is forwarded, acted on, and never answered
    COMMIT_RACED = "cut during COMMIT"  # it is forwarded, and the line is dead at once


OF_COMMITS = (Fault.COMMIT_CUT, Fault.COMMIT_LOST, Fault.COMMIT_RACED)
OF_ALL = tuple(fault for fault in Fault if fault not in OF_COMMITS)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Rates = Mapping[Fault, float]


class Wire:
    """A listening socket before a server. `connect` reaches the server, `speech` is made for each connection.

    `pace` is the mean, in seconds, of delays and silences; some last for many times that.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[Stream]],
        speech: Callable[[], Speech],
        pace: float,
        seed: str,
    ) -> None:
        self.name, self._connect, self._speech, self._pace = name, connect, speech, pace
        self.random = Random(f"{seed} {name}")
        self._rates: Rates = {}
        self.messages = 0
        self.commits = 0
        self.faults: Counter[str] = Counter()
        self._links: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen_at(self, port: int) -> None:
        """Stand at a TCP port of 127.0.0.1."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", port, backlog=1_024, limit=2**20
        )

    async def listen_on(self, path: str) -> None:
        """Stand at a unix socket."""
        self._server = await asyncio.start_unix_server(self._accept, path, limit=2**20)

    def spoil(self, rates: Rates) -> None:
        """Fail at these rates from now on."""
        self._rates = dict(rates)

    def heal(self) -> None:
        """Fail no more."""
        self._rates = {}

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def pause(self) -> float:
        """How long something lasts."""
        return min(WAIT_SECONDS_MAX, self.random.expovariate(1 / self._pace))

    def draw(self, saying: Saying) -> Fault | None:
        """What becomes of a message: one fault at most."""
        if not saying.counts:
            return None
        self.messages += 1
        self.commits += saying.commit is not None
        at = self.random.random()
        for fault, rate in self._rates.items():
            if fault in OF_COMMITS and saying.commit is None:
                continue
            at -= rate
            if at < 0:
                self.faults[fault] += 1
                return fault
        return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            server = await self._connect()
            await Link(self, (reader, writer), server, self._speech()).run()
        except (OSError, asyncio.CancelledError):
            pass  # the server is down: whoever came is hung up on, below
        finally:
            self._links.discard(task)
            reset(writer)


class Link:
    """One client's connection, and its counterpart to the server."""

    def __init__(self, wire: Wire, client: Stream, server: Stream, speech: Speech) -> None:
        self._wire, self._speech, self._random = wire, speech, wire.random
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._fault: Fault | None = None
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Hand on what is said, both ways, until either hangs up or a fault ends it."""
        answers = asyncio.create_task(self._answers())
        try:
            with contextlib.suppress(OSError):
                while (saying := await self._speech.next(self._from_client)) is not None:
                    self._fault = self._wire.draw(saying)
                    self._answered.clear()
                    if not await self._treat(saying):
                        break
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            reset(self._to_client)
            reset(self._to_server)

    async def _treat(self, saying: Saying) -> bool:
        """Do to a message what was drawn; False if that ends the connection."""
        match self._fault:
            case Fault.DROP:
                return False
            case Fault.HOLE:
                await asyncio.sleep(self._wire.pause())
                return False
            case Fault.COMMIT_CUT:
                await self._forward(saying.raw[: saying.commit])
                return False
            case Fault.COMMIT_RACED:
                await self._forward(saying.raw)
                self._to_server.close()  # in order: what was written still arrives
                return False
            case Fault.DELAY:
                await asyncio.sleep(self._wire.pause())
        await self._forward(saying.raw)
        return not await self._is_ended()

    async def _is_ended(self) -> bool:
        """Wait for the answer where it is to be lost or cut."""
        if self._fault not in (Fault.LOST, Fault.COMMIT_LOST, Fault.CUT):
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._answered.wait()
        return True

    async def _forward(self, data: bytes) -> None:
        self._to_server.write(data)
        await self._to_server.drain()

    async def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._from_server.read(CHUNK):
                await self._hand_on(data)
                if self._speech.is_answered(data):
                    self._answered.set()
        self._to_client.close()

    async def _hand_on(self, data: bytes) -> None:
        match self._fault:
            case Fault.LOST | Fault.COMMIT_LOST:
                return
            case Fault.CUT:
                await self._write(data[: self._random.randrange(len(data))])
                self._to_client.close()  # in order: what was written still arrives
                self._fault = Fault.LOST  # nothing more of it
                self._answered.set()
            case Fault.DRIP:
                await self._drip(data)
            case _:
                await self._write(data)

    async def _drip(self, data: bytes) -> None:
        step, pause = len(data) // DRIPS + 1, self._wire.pause() / DRIPS
        for at in range(0, len(data), step):
            await self._write(data[at : at + step])
            await asyncio.sleep(pause)

    async def _write(self, data: bytes) -> None:
        self._to_client.write(data)
        await self._to_client.drain()
