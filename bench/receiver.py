"""A webhook endpoint that counts: a process of its own, `python -m bench.receiver`.

Prints its port. Any POST is a delivery and answered 200; GET answers {"deliveries", "events"},
where events are distinct ids. Signatures are not checked: that is the product's test, not ours.
"""

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

from bench.wire import HEAD_END, UnreadableAnswer

EVENT_ID = re.compile(rb'"id"\s*:\s*"(evt_[^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Tally:
    """What has been delivered so far."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.events: set[bytes] = set()

    def count(self, body: bytes) -> None:
        """One delivery; its event is counted once however often it comes."""
        self.deliveries += 1
        if found := EVENT_ID.search(body):
            self.events.add(found[1])

    def as_json(self) -> bytes:
        """The two counts."""
        return json.dumps({"deliveries": self.deliveries, "events": len(self.events)}).encode()


class Delivery(asyncio.Protocol):
    """One connection of a sender."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._buffer = tally, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what has arrived."""
        self._buffer += data
        while (whole := _split(self._buffer)) is not None:
            head, body, self._buffer = whole
            if head.startswith(b"POST "):
                self._tally.count(body)
                self._transport.write(HEAD % (2, b"{}"))
            else:
                answer = self._tally.as_json()
                self._transport.write(HEAD % (len(answer), answer))


def _split(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    end = data.find(HEAD_END)
    if end < 0:
        return None
    found = LENGTH.search(data[:end])
    if found is None and data.startswith(b"POST "):
        raise UnreadableAnswer("a delivery without Content-Length")
    begin = end + len(HEAD_END)
    stop = begin + (int(found[1]) if found else 0)
    return (data[:end], data[begin:stop], data[stop:]) if len(data) >= stop else None


async def serve() -> None:
    """Listen on a free port of the loopback until the process is told to stop."""
    tally = Tally()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Delivery(tally), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The benchmark holds our standard input: when it ends, however it ends, so do we.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
