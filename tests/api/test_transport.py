"""HTTP as nobody should speak it. Whatever is answered, the server goes on serving everyone else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.server import HOST, Server

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
SALE = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa"


@pytest.fixture(autouse=True)
def it_goes_on(server: Server) -> Iterator[None]:
    """Before and after, another client is answered at once, by the same processes."""
    yield
    began = time.monotonic()
    assert server.get("/v1/payment_intents", "limit=1").status == 200
    assert time.monotonic() - began < 1.0
    assert "starting it again" not in server.log()


def raw(server: Server, *parts: bytes, pause: float = 0.0, wait: float = 2.0) -> bytes:
    """Everything that comes back for these bytes until the server closes or is silent."""
    with socket.create_connection((HOST, server.port), timeout=5) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass
        connection.settimeout(wait)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
        return received


def head(server: Server, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.secret_key}"]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode("latin-1")


def payments(server: Server) -> list[str]:
    listed = server.get("/v1/payment_intents", "limit=100").body["data"]
    return [payment["id"] for payment in listed]


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = head(server, "GET", "/v1/payment_intents?limit=1")
    two = head(server, "GET", "/v1/nothing")
    answer = raw(server, one + two + one + two, wait=1.0)
    lines = [line for line in answer.split(b"\r\n") if b"HTTP/1.1 " in line]
    assert [line[line.index(b"HTTP/1.1 ") + 9 :][:3] for line in lines] == [
        b"200", b"404", b"200", b"404"
    ]  # fmt: skip


def test_content_length_and_chunks_at_once_make_no_payment(server: Server) -> None:
    """A front end and we could read two different requests in this."""
    before = payments(server)
    hidden = head(
        server, "POST", "/v1/payment_intents", FORM.strip(), f"Content-Length: {len(SALE)}"
    )
    body = b"0\r\n\r\n" + hidden + SALE.encode()
    for order in (
        ("Transfer-Encoding: chunked", f"Content-Length: {len(body)}"),
        (f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"),
        (f"Content-Length: {len(body)}", "Transfer-Encoding : chunked"),
        (f"Content-Length: {len(body)}", "Transfer-Encoding: xchunked"),
        ("Content-Length: 5", f"Content-Length: {len(body)}"),
        ("Content-Length: +5",),
        ("Content-Length: -1",),
    ):
        raw(server, head(server, "POST", "/v1/refunds", *order) + body, wait=0.4)
        assert payments(server) == before, order


def test_a_body_in_chunks(server: Server) -> None:
    form = b"amount=2000&currency=usd"
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, form[i : i + 1]) for i in range(len(form)))
    start = head(
        server, "POST", "/v1/payment_intents", FORM.strip(), "Transfer-Encoding: chunked",
        "Connection: close",
    )  # fmt: skip
    assert b"HTTP/1.1 200" in raw(server, start + chunks + b"0\r\n\r\n")
    assert b"HTTP/1.1 200" not in raw(server, start + b"zz\r\n" + form, wait=0.5)


def test_an_endless_body_in_chunks_is_cut(server: Server) -> None:
    start = head(server, "POST", "/v1/payment_intents", FORM.strip(), "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    answer = raw(server, start, *[chunk] * 400, wait=2.0)
    assert b"HTTP/1.1 200" not in answer


def test_half_a_request(server: Server) -> None:
    for part in (b"", b"G", b"GET /v1", head(server, "POST", "/v1/refunds", "Content-Length: 9")):
        assert b"HTTP/1.1 200" not in raw(server, part, wait=0.1)


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"\0" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/payment_intents HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
        b"GET /v1/payment_intents HTTP/1.1\r\nHost: x\r\n folded: b\r\n\r\n",
        b"GET /v1/payment\rintents HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + b"/a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100,
    ],
    ids=lambda junk: repr(junk[:18]),
)
def test_junk(server: Server, junk: bytes) -> None:
    assert b"HTTP/1.1 200" not in raw(server, junk, wait=0.3)


def test_slow_clients_hold_nobody_up(server: Server) -> None:
    slow = [socket.create_connection((HOST, server.port), timeout=5) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/payment_intents HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        for _ in range(5):
            began = time.monotonic()
            assert server.get("/v1/payment_intents", "limit=1").status == 200
            assert time.monotonic() - began < 1.0
    finally:
        for connection in slow:
            connection.close()
