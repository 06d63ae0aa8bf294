"""What can go wrong between an adapter and its processor. The processor acts where it says so, and the proxy then fails."""

from __future__ import annotations

from nostro.conformance.exchange import Exchange, Fault, Reply

PAGE = b"<!doctype html><title>Error</title><p>Something is wrong. Ask your administrator.</p>"
OVERSIZE_BYTES = 16 * 1024 * 1024
_MOMENT_MS = 50  # by then the next request is on its way
_BLOCK = b" " * 65_536
_DRIP_MS = 25
_PATIENCE_MS = 2_500  # how much longer than a deadline a silent proxy stays: every fault ends


async def request_cut(exchange: Exchange) -> None:
    """Half of the request reaches the processor; then both lines are dead."""
    await exchange.forward_part()
    exchange.reset()


async def reply_lost(exchange: Exchange) -> None:
    """It acts; the connection ends in order, without a reply."""
    await exchange.forward()
    exchange.close()


async def reset_after(exchange: Exchange) -> None:
    """It acts; the connection is reset."""
    await exchange.forward()
    exchange.reset()


async def cut_in_head(exchange: Exchange) -> None:
    """It acts; half of the reply's head arrives."""
    reply = await exchange.forward()
    await exchange.answer(reply.head[: len(reply.head) // 2])
    exchange.close()


async def cut_in_body(exchange: Exchange) -> None:
    """It acts; half of the reply's body arrives."""
    reply = await exchange.forward()
    await exchange.answer(reply.head + reply.body[: len(reply.body) // 2])
    exchange.close()


async def cut_before_last_byte(exchange: Exchange) -> None:
    """It acts; the whole reply arrives, whose length promises one byte more."""
    reply = await exchange.forward()
    length = b"content-length: %d" % (len(reply.body) + 1)
    await exchange.answer(answer_head(b"200 OK", length) + reply.body)
    exchange.close()


async def chunks_without_end(exchange: Exchange) -> None:
    """It acts; the reply comes in chunks, and the last, empty one is missing."""
    reply = await exchange.forward()
    chunk = b"%x\r\n%b\r\n" % (len(reply.body), reply.body)
    await exchange.answer(answer_head(b"200 OK", b"transfer-encoding: chunked") + chunk)
    exchange.close()


async def half_without_length(exchange: Exchange) -> None:
    """It acts; half of the reply arrives, which has no length and ends with the connection."""
    reply = await exchange.forward()
    body = reply.body[: len(reply.body) // 2]
    await exchange.answer(answer_head(b"200 OK", b"connection: close") + body)
    exchange.close()


async def half_that_looks_whole(exchange: Exchange) -> None:
    """It acts; half of the reply arrives, and its length says that this is all."""
    reply = await exchange.forward()
    await exchange.answer(_whole(b"200 OK", reply.body[: len(reply.body) // 2]))


async def garbled(exchange: Exchange) -> None:
    """It acts; the body is bytes of no meaning, and no UTF-8."""
    reply = await exchange.forward()
    await exchange.answer(_whole(b"200 OK", bytes(byte | 0x80 for byte in reply.body)))


def drip(call_ms: int) -> Fault:
    """It acts; the reply comes a byte at a time, and never in time."""

    async def fault(exchange: Exchange) -> None:
        reply = await exchange.forward()
        whole = reply.head + reply.body
        for byte in whole[: (call_ms + _PATIENCE_MS) // _DRIP_MS]:
            await exchange.answer(bytes([byte]))
            await exchange.wait(_DRIP_MS)
        exchange.close()

    return fault


async def oversized(exchange: Exchange) -> None:
    """It acts; the reply follows a sea of spaces, which JSON allows."""
    reply = await exchange.forward()
    length = b"content-length: %d" % (OVERSIZE_BYTES + len(reply.body))
    await exchange.answer(answer_head(b"200 OK", length))
    for _ in range(OVERSIZE_BYTES // len(_BLOCK)):
        await exchange.answer(_BLOCK)
    await exchange.answer(reply.body)


async def endless_head(exchange: Exchange) -> None:
    """It acts; headers come, and more headers, and then the reply."""
    reply = await exchange.forward()
    line = b"x-filler: " + b"x" * 8_000 + b"\r\n"
    await exchange.answer(reply.head[:-2])
    for _ in range(1_000):
        await exchange.answer(line)
    await exchange.answer(b"\r\n" + reply.body)


async def twice(exchange: Exchange) -> None:
    """It acts; its reply comes once more, when the next request is on its way."""
    reply = await exchange.forward()
    await exchange.answer(reply.head + reply.body)
    await exchange.wait(_MOMENT_MS)
    await exchange.answer(reply.head + reply.body)


async def twice_and_a_half(exchange: Exchange) -> None:
    """It acts; with its reply comes half of another."""
    reply = await exchange.forward()
    whole = reply.head + reply.body
    await exchange.answer(whole + whole + whole[: len(whole) // 2])


async def interim(exchange: Exchange) -> None:
    """An interim answer (RFC 9110, 15.2) comes before the reply."""
    reply = await exchange.forward()
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n"
    await exchange.answer(hints + reply.head + reply.body)


async def in_chunks(exchange: Exchange) -> None:
    """The reply comes in chunks, as HTTP/1.1 allows."""
    reply = await exchange.forward()
    half = len(reply.body) // 2
    parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in (reply.body[:half], reply.body[half:])]
    head = answer_head(b"200 OK", b"transfer-encoding: chunked", b"content-type: application/json")
    await exchange.answer(head + b"".join(parts) + b"0\r\n\r\n")


async def other_content_type(exchange: Exchange) -> None:
    """The reply is right, and called a web page."""
    reply = await exchange.forward()
    length = b"content-length: %d" % len(reply.body)
    await exchange.answer(answer_head(b"200 OK", length, b"content-type: text/html") + reply.body)


async def stale(exchange: Exchange) -> None:
    """A connection that was used before is reset when the next request comes, which reaches nobody."""
    if exchange.served:
        exchange.reset()
    else:
        reply = await exchange.forward()
        await exchange.answer(reply.head + reply.body)


async def closes_after_reply(exchange: Exchange) -> None:
    """The connection ends after the reply, which did not say so."""
    reply = await exchange.forward()
    await exchange.answer(reply.head + reply.body)
    exchange.close()


def silence(call_ms: int) -> Fault:
    """It acts; nothing is ever heard of it."""

    async def fault(exchange: Exchange) -> None:
        await exchange.forward()
        await exchange.wait(call_ms + _PATIENCE_MS)
        exchange.close()

    return fault


def late(call_ms: int) -> Fault:
    """It acts; the reply comes just after the deadline."""

    async def fault(exchange: Exchange) -> None:
        reply = await exchange.forward()
        await exchange.wait(call_ms + 150)
        await exchange.answer(reply.head + reply.body)

    return fault


def page_after(status: bytes, echo: bool = False) -> Fault:
    """It acts; the answer is an error page, that of a server in between. With `echo` the page shows the request."""

    async def fault(exchange: Exchange) -> None:
        await exchange.forward()
        await exchange.answer(page(status, exchange.request.raw if echo else b""))

    return fault


def instead(data: bytes, ends: bool = False) -> Fault:
    """Nobody acts; the adapter reads these bytes, after which the connection may end."""

    async def fault(exchange: Exchange) -> None:
        await exchange.answer(data)
        if ends:
            exchange.close()

    return fault


def with_body(body: bytes) -> Fault:
    """It acts; the reply has another body."""

    async def fault(exchange: Exchange) -> None:
        await exchange.forward()
        await exchange.answer(_whole(b"200 OK", body))

    return fault


def reply_of(other: Reply) -> Fault:
    """Nobody acts; the reply is that of another request."""
    return instead(other.head + other.body)


class Altered:
    """It acts; in the reply's body some words are others of the same length. `hits` counts them."""

    def __init__(self, words: dict[bytes, bytes]) -> None:
        self._words, self.hits = words, 0

    async def __call__(self, exchange: Exchange) -> None:
        """The fault."""
        reply = await exchange.forward()
        body = reply.body
        for word, other in self._words.items():
            self.hits += body.count(word)
            body = body.replace(word, other)
        await exchange.answer(reply.head + body)


def page(status: bytes, echo: bytes = b"") -> bytes:
    """An HTML answer."""
    return _whole(status, PAGE + b"<pre>" + echo + b"</pre>", b"text/html")


def answer_head(status: bytes, *headers: bytes) -> bytes:
    """The head of an answer."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"", b""))


def _whole(status: bytes, body: bytes, kind: bytes = b"application/json") -> bytes:
    length = b"content-length: %d" % len(body)
    return answer_head(status, b"content-type: " + kind, length) + body
