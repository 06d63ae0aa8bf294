"""HTTP as nobody should speak it. Whatever is answered, the server goes on serving everyone else."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from bench.machine import tree
from nostro.api.http import limits
from tests import wire_schema
from tests.server import HOST, Server

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ")
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


def statuses(answer: bytes) -> list[int]:
    """Of every response in these bytes."""
    return [int(found[1]) for found in STATUS_LINE.finditer(answer)]


def refusal(answer: bytes) -> dict[str, Any]:
    """The error of the one response in these bytes, judged by the wire's schema."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert b"content-type: application/json" in lines, head
    assert b"content-length: %d" % len(body) in lines, head
    shown = json.loads(body)
    if wire_schema.available():
        wire_schema.validate(shown)
    error: dict[str, Any] = shown["error"]
    return error


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
        answer = raw(server, head(server, "POST", "/v1/refunds", *order) + body)
        assert statuses(answer) == [400] and refusal(answer), order
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
        assert raw(server, part, wait=0.1) == b""


@pytest.mark.parametrize(
    ("junk", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
        (b"\0" * 1000, 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/payment_intents HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", 400),
        (b"GET /v1/payment_intents HTTP/1.1\r\nHost: x\r\nA: \0b\r\n\r\n", 400),
        (b"GET /v1/payment_intents HTTP/1.1\r\n folded: b\r\n\r\n", 400),
        (b"GET /v1/payment\rintents HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/payment_intents/\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/payment_intents/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/payment_intents?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET gopher://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET " + b"/a" * 200_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET " + b"/a" * 200_000, 414),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 1_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", 431),
        (b"\r\n" * 500_000, 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100, 400),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else str(value),
)
def test_junk(server: Server, junk: bytes, status: int) -> None:
    answer = raw(server, junk)
    assert statuses(answer) == [status] and refusal(answer)
    assert b"connection: close" in answer


def test_the_largest_url_and_head_are_served(server: Server) -> None:
    room = limits.URL_BYTES_MAX - len("/v1/charges/")
    for more, status in ((0, 404), (1, 414)):
        answer = raw(server, head(server, "GET", f"/v1/charges/{'a' * (room + more)}"), wait=0.3)
        assert statuses(answer) == [status] and refusal(answer)
    big = "y" * (limits.HEAD_BYTES_MAX - 300)
    assert statuses(raw(server, head(server, "GET", "/v1/balance", f"X: {big}"), wait=0.3)) == [200]
    many = ["X: y"] * (limits.HEADERS_MAX - 2)
    for lines, status in ((many, 200), ([*many, "X: y"], 431)):
        assert statuses(raw(server, head(server, "GET", "/v1/balance", *lines), wait=0.3)) == [
            status
        ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/v1/balance", 404),
        ("OPTIONS", "/v1/balance", 404),
        ("OPTIONS", "*", 404),
        ("TRACE", "/v1/balance", 404),
        ("PUT", "/v1/balance", 404),
        ("PROPFIND", "/v1/balance", 404),
        ("GET", "/v1/charges/%00%ff", 404),
        ("GET", "/%00", 404),
        ("GET", "http://elsewhere.example/v1/balance?expand[]=%ff", 400),
        ("GET", "http://elsewhere.example/v1/balance", 200),
        ("GET", "http://elsewhere.example", 404),
    ],
)
def test_what_is_http_and_not_usual(server: Server, method: str, path: str, status: int) -> None:
    """Answered at once, and the connection stays good for the next request."""
    two = head(server, method, path) + head(server, "GET", "/v1/balance", "Connection: close")
    answer = raw(server, two)
    assert statuses(answer) == [status, 200]
    if method == "HEAD":
        assert answer.index(b"\r\n\r\nHTTP/1.1 200")  # no body between them


def test_http_1_0_is_answered_and_closed(server: Server) -> None:
    old = head(server, "GET", "/v1/balance").replace(b"HTTP/1.1", b"HTTP/1.0")
    began = time.monotonic()
    answer = raw(server, old)
    assert statuses(answer) == [200] and b"connection: close" in answer
    assert time.monotonic() - began < 1.0


def test_headers_of_every_answer_name_no_software(server: Server) -> None:
    answers = (raw(server, head(server, "GET", "/v1/balance"), wait=0.3), raw(server, b"\0\r\n"))
    for answer in answers:
        names = {
            line.split(b":")[0] for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        }
        assert b"date" in names and not names & {b"server", b"x-powered-by", b"via"}


def test_a_client_that_waits_for_100_continue(server: Server) -> None:
    sale = SALE.encode()
    start = head(
        server, "POST", "/v1/payment_intents", FORM.strip(), f"Content-Length: {len(sale)}",
        "Expect: 100-continue",
    )  # fmt: skip
    with closing(socket.create_connection((HOST, server.port), timeout=5)) as client:
        client.sendall(start)
        assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(sale)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0"])
def test_an_upgrade_is_not_taken_up(server: Server, protocol: str) -> None:
    offer = ("Connection: Upgrade", f"Upgrade: {protocol}")
    answer = raw(server, head(server, "GET", "/v1/balance", *offer) * 2, wait=0.3)
    assert statuses(answer) == [200, 200]


def test_an_upgrade_with_a_body_makes_no_payment(server: Server) -> None:
    """To the parser such a body is the other protocol's: it would be lost, or be read as a request."""
    before = payments(server)
    hidden = head(
        server, "POST", "/v1/payment_intents", FORM.strip(), f"Content-Length: {len(SALE)}"
    )
    inner = hidden + SALE.encode()
    answer = raw(
        server,
        head(server, "POST", "/v1/refunds", "Connection: Upgrade", "Upgrade: h2c",
             f"Content-Length: {len(inner)}") + inner,
    )  # fmt: skip
    assert statuses(answer) == [400] and refusal(answer)
    assert payments(server) == before


def test_trailers_are_no_headers(server: Server) -> None:
    start = head(server, "POST", "/v1/customers", "Transfer-Encoding: chunked", "Connection: close")
    end = b"6\r\nname=x\r\n0\r\nStripe-Version: never\r\nAuthorization: Bearer x\r\n\r\n"
    assert statuses(raw(server, start + end)) == [200]
    endless = start + b"6\r\nname=x\r\n0\r\nX: " + b"y" * 1_000_000
    assert statuses(raw(server, endless)) == [431]


def test_a_refused_client_that_closes_after_it_reads_why(server: Server) -> None:
    """Most of the body is unread when the answer is there."""
    start = f"POST /v1/customers HTTP/1.1\r\nConnection: close\r\nContent-Length: {900_000}\r\n\r\n"
    answer = raw(server, start.encode() + b"a" * 900_000)
    assert statuses(answer) == [401] and refusal(answer)


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


def test_asked_to_stop_it_answers_first() -> None:
    """Everything that was done was answered: as many payments are there as answers were read."""
    with Server.start() as stopped, ThreadPoolExecutor(4) as clients:
        selling = [clients.submit(sell, stopped, 24) for _ in range(4)]
        time.sleep(0.15)
        api = next(process for process in tree(stopped.pid) if process.role == "api")
        os.kill(api.pid, signal.SIGTERM)
        answered = sum(sold.result() for sold in selling)
        assert 0 < answered < 96, "it was not stopped in the middle"
        until = time.monotonic() + 20
        while time.monotonic() < until and not it_answers(stopped):
            time.sleep(0.05)
        assert len(payments(stopped)) == answered
        assert "api ended (0)" in stopped.log() and "Traceback" not in stopped.log()


def sell(server: Server, most: int) -> int:
    """Sales on one connection until it ends; how many were answered."""
    headers = {
        "Authorization": f"Bearer {server.secret_key}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with closing(http.client.HTTPConnection(HOST, server.port, timeout=10)) as client:
        client.connect()
        client.auto_open = 0
        for answered in range(most):
            try:
                client.request("POST", "/v1/payment_intents", SALE, headers)
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return answered
            assert answer.status == 200
    return most


def it_answers(server: Server) -> bool:
    try:
        return server.get("/health").status == 200
    except OSError:
        return False
