"""What a careless or hostile caller sends: Stripe's error object in bounded time, and nothing has changed."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests import wire_schema
from tests.api.client import Api
from tests.api.registry import new_merchant, revoke, saved_under
from tests.server import HOST, Server

INTENTS = "/v1/payment_intents"
SECONDS = 1.0
FORM = "application/x-www-form-urlencoded"
LISTS = ("payment_intents", "charges", "refunds", "customers", "events", "webhook_endpoints")
INTEGER = "parameter_invalid_integer"
MILLION = 1_000_000


@pytest.fixture(autouse=True)
def nothing_changes(server: Server, request: pytest.FixtureRequest) -> Iterator[None]:
    """The newest object of every list is the same before and after."""
    before = newest(server)
    yield
    assert newest(server) == before


def newest(server: Server) -> list[list[str]]:
    return [
        [item["id"] for item in server.get(f"/v1/{name}", "limit=3").body["data"]] for name in LISTS
    ]


def refused(
    server: Server, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and error of a request that is refused: well formed, and within a second."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=20)
    basic = b64encode(f"{server.secret_key}:".encode()).decode()
    sent = {"Authorization": f"Basic {basic}"}
    if method == "POST":
        sent["Content-Type"] = FORM
    began = time.monotonic()
    connection.request(method, path, body or None, sent | (headers or {}))
    answer = connection.getresponse()
    raw = answer.read()
    took = time.monotonic() - began
    status = answer.status
    assert answer.headers["Content-Type"] == "application/json"
    connection.close()
    assert took < SECONDS, took
    assert 400 <= status < 500, (status, raw[:300])
    return status, judged(raw)


def judged(raw: bytes) -> dict[str, Any]:
    body = json.loads(raw)
    if wire_schema.available():
        wire_schema.validate(body)
    error: dict[str, Any] = body["error"]
    assert len(error["message"]) < 1_000
    return error


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ("amount=0&currency=usd", INTEGER, "amount"),
        ("amount=-1&currency=usd", INTEGER, "amount"),
        ("amount=1e3&currency=usd", INTEGER, "amount"),
        (f"amount=1{'0' * 30}&currency=usd", INTEGER, "amount"),
        ("amount=9223372036854775808&currency=usd", INTEGER, "amount"),
        ("amount=9223372036854775807&currency=usd", "amount_too_large", "amount"),
        ("amount=100000000&currency=usd", "amount_too_large", "amount"),
        ("amount=1&currency=usd", "amount_too_small", "amount"),
        ("amount=10.00&currency=usd", INTEGER, "amount"),
        ("amount=+10&currency=usd", INTEGER, "amount"),
        ("amount=%D9%A1%D9%A2%D9%A3&currency=usd", INTEGER, "amount"),
        ("amount=NaN&currency=usd", INTEGER, "amount"),
        ("amount=true&currency=usd", INTEGER, "amount"),
        ("amount=&currency=usd", "parameter_invalid_empty", "amount"),
        ("amount[]=2000&currency=usd", INTEGER, "amount"),
        ("amount[usd]=2000&currency=usd", INTEGER, "amount"),
        ("amount=2001&currency=jod", INTEGER, "amount"),
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=2000", "parameter_missing", "currency"),
        ("amount=2000&currency=xxx", None, "currency"),
        ("amount=2000&currency=us", None, "currency"),
        ("amount=2000&currency=usd&colour=red", "parameter_unknown", "colour"),
        ("amount=2000&currency=usd&status=succeeded", "parameter_unknown", "status"),
        ("amount=2000&currency=usd&amount_received=5", "parameter_unknown", "amount_received"),
        ("amount=2000&currency=usd&confirm=1", None, "confirm"),
        ("amount=2000&currency=usd&capture_method=later", None, "capture_method"),
        ("amount=2000&currency=usd&metadata=x", None, "metadata"),
        ("amount=2000&currency=usd&metadata[a][b]=x", None, "metadata[a]"),
        (f"amount=2000&currency=usd&metadata[{'k' * 41}]=x", None, "metadata"),
        (f"amount=2000&currency=usd&metadata[k]={'v' * 501}", None, "metadata[k]"),
        (f"amount=2000&currency=usd&description={'d' * 5001}", None, "description"),
        ("amount=2000&amount=3000&currency=usd", None, "amount"),
        ("amount=2000&currency=usd&metadata[a]=1&metadata=2", None, "metadata"),
        ("amount=2000&currency=usd&expand[]=client", None, None),
        ("amount=2000&currency=usd&expand[]=a.b.c.d.e", None, None),
        ("amount=2000&currency=usd&expand=latest_charge", None, "expand"),
        ("amount=2000&currency=usd&customer=cus_nobody", "resource_missing", "customer"),
        ("amount=2000&currency=usd&payment_method=pm_x", "resource_missing", "payment_method"),
        ("amount=2000&currency=usd&confirm=true", "payment_intent_unexpected_state", None),
    ],
)
def test_a_payment_that_cannot_be(
    server: Server, form: str, code: str | None, param: str | None
) -> None:
    status, error = refused(server, "POST", INTENTS, form.encode())
    expected = 404 if code == "resource_missing" else 400
    assert (status, error["type"]) == (expected, "invalid_request_error")
    assert (error.get("code"), error.get("param")) == (code, param)
    assert "payment_intent" not in error  # there is none


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("[number]=4242424242424241&[exp_month]=1&[exp_year]=2040", "incorrect_number"),
        ("[number]=4&[exp_month]=1&[exp_year]=2040", "invalid_number"),
        (f"[number]={'4' * 5000}&[exp_month]=1&[exp_year]=2040", "invalid_number"),
        ("[number]=4242424242424242&[exp_month]=13&[exp_year]=2040", "invalid_expiry_month"),
        ("[number]=4242424242424242&[exp_month]=0&[exp_year]=2040", "invalid_expiry_month"),
        ("[number]=4242424242424242&[exp_month]=1&[exp_year]=2020", "invalid_expiry_year"),
        ("[number]=4242424242424242&[exp_month]=1&[exp_year]=-1", "invalid_expiry_year"),
        ("[number]=4242424242424242&[exp_month]=1&[exp_year]=999999999", "invalid_expiry_year"),
        ("[number]=4242424242424242&[exp_month]=1&[exp_year]=2040&[cvc]=12", "invalid_cvc"),
        ("[number]=4242424242424242&[exp_month]=1&[exp_year]=2040&[cvc]=abc", "invalid_cvc"),
    ],
)
def test_a_card_that_cannot_be(server: Server, card: str, code: str) -> None:
    pairs = "&".join(f"payment_method_data[card]{pair}" for pair in card.split("&"))
    form = f"amount=2000&currency=usd&confirm=true&payment_method_data[type]=card&{pairs}"
    status, error = refused(server, "POST", INTENTS, form.encode())
    assert (status, error["type"], error["code"]) == (402, "card_error", code)
    number = card.partition("=")[2].partition("&")[0]
    assert len(number) < 8 or number not in error["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"&".join(b"k%d=1" % number for number in range(MILLION)), 413),
        (b"&".join(b"k%d" % number for number in range(100_000)), 400),
        (b"&" * 900_000, 400),
        (b"a" + b"[a]" * 300_000 + b"=1", 400),
        (b"a" + b"[" * 900_000, 400),
        (b"amount=" + b"1" * 900_000 + b"&currency=usd", 400),
        (b"description=" + b"%F0%9F%98%80" * 70_000, 400),
        (b"x" * 5_000_000, 413),
        (b"amount=2000&currency=usd&description=\xff\xfe", 400),
        (b"amount=2000&currency=usd&description=%FF%FE", 400),
        (b"amount=2000&currency=usd&description=%ED%A0%80", 400),
        (b"amount=2000&currency=usd&description=a\x00b", 400),
        (b"amount=2000&currency=usd&description=a%00b", 400),
        (b"amount=2000&currency=usd&description=%zz", 400),
        (b"amount=2000&currency=usd&%", 400),
        (b"=2000", 400),
        (b"\xef\xbb\xbfamount=2000&currency=usd", 400),
        (b"amount=2000&currency=usd&a]b[=1", 400),
        (b"amount=2000&currency=usd&metadata[[a]]=1", 400),
        (b'{"amount": 2000, "currency": "usd"}', 400),
    ],
    ids=lambda value: str(value[:24]) if isinstance(value, bytes) else str(value),
)
def test_a_body_that_has_no_reading(server: Server, body: bytes, status: int) -> None:
    got, error = refused(server, "POST", INTENTS, body)
    assert (got, error["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", "x"])
def test_a_body_of_another_type(server: Server, kind: str) -> None:
    body = b"amount=2000&currency=usd"
    status, error = refused(server, "POST", INTENTS, body, {"Content-Type": kind})
    assert status == 400
    assert FORM in error["message"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", INTEGER, "limit"),
        ("limit=101", INTEGER, "limit"),
        ("limit=ten", INTEGER, "limit"),
        ("limit=99999999999999999999", INTEGER, "limit"),
        ("starting_after=nothing", "resource_missing", "starting_after"),
        ("ending_before=%F0%9F%98%80", "resource_missing", "ending_before"),
        ("starting_after=a&ending_before=b", None, None),
        ("created[gte]=x", INTEGER, "created[gte]"),
        ("created[than]=1", "parameter_unknown", "created[than]"),
        ("colour=red", "parameter_unknown", "colour"),
        ("expand[]=data.nothing", None, None),
        ("limit=%00", None, None),
    ],
)
def test_a_list_that_cannot_be(
    server: Server, name: str, query: str, code: str | None, param: str | None
) -> None:
    status, error = refused(server, "GET", f"/v1/{name}?{query}")
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error.get("param")) == (code, param)


@pytest.mark.parametrize("identifier", ["%00", "x%00y", "%FF%FE", "pi_1%20", "'", "-1", "a" * 4000])
@pytest.mark.parametrize(
    "place",
    [
        "GET /v1/payment_intents/{}",
        "POST /v1/payment_intents/{}",
        "POST /v1/payment_intents/{}/confirm",
        "POST /v1/payment_intents/{}/capture",
        "POST /v1/payment_intents/{}/cancel",
        "GET /v1/charges/{}",
        "POST /v1/charges/{}",
        "POST /v1/charges/{}/capture",
        "GET /v1/charges/{}/refunds",
        "GET /v1/refunds/{}",
        "POST /v1/refunds/{}",
        "POST /v1/refunds/{}/cancel",
        "GET /v1/customers/{}",
        "POST /v1/customers/{}",
        "DELETE /v1/customers/{}",
        "GET /v1/customers/{}/payment_methods",
        "GET /v1/payment_methods/{}",
        "POST /v1/payment_methods/{}",
        "POST /v1/payment_methods/{}/detach",
        "GET /v1/balance_transactions/{}",
        "GET /v1/events/{}",
        "GET /v1/webhook_endpoints/{}",
        "POST /v1/webhook_endpoints/{}",
        "DELETE /v1/webhook_endpoints/{}",
    ],
)
def test_an_id_that_cannot_be(server: Server, place: str, identifier: str) -> None:
    method, path = place.split()
    status, error = refused(server, method, path.format(identifier))
    assert (status, error["type"]) == (404, "invalid_request_error")


def test_wrong_keys(server: Server) -> None:
    wrong = [
        "Bearer sk_test_wrong", "Bearer", "Bearer ", "Basic", "Basic !!!", "Digest x",
        f"Bearer {'x' * 50_000}", f"Bearer {server.secret_key[:-1]}", f"Bearer {server.secret_key}x",
        "Basic " + b64encode(b"\xff\xfe:").decode(), "Bearer caf\xe9", "Bearer a b",
        "Basic " + b64encode(f":{server.secret_key}".encode()).decode(),
        f"Bearer {server.secret_key.replace('sk_test', 'sk_live')}",
    ]  # fmt: skip
    for authorization in wrong:
        status, error = refused(
            server, "POST", INTENTS, b"amount=2000&currency=usd", {"Authorization": authorization}
        )
        assert (status, error["type"]) == (401, "invalid_request_error"), authorization[:40]
        assert server.secret_key not in error["message"]


def test_a_key_belongs_in_the_header(server: Server) -> None:
    logged = server.log(1000).count(server.secret_key)  # it is shown at the start
    for query in ("api_key", "key", "secret"):
        path = f"{INTENTS}?{query}={server.secret_key}"
        status, error = refused(server, "GET", path, headers={"Authorization": ""})
        assert status == 401
        status, error = refused(server, "GET", path)
        assert (status, error["code"]) == (400, "parameter_unknown")
        assert server.secret_key not in str(error)
    form = f"amount=2000&currency=usd&api_key={server.secret_key}".encode()
    status, error = refused(server, "POST", INTENTS, form)
    assert (status, error["code"]) == (400, "parameter_unknown")
    assert server.log(1000).count(server.secret_key) == logged


def test_a_revoked_key_is_refused_at_once(server: Server) -> None:
    key = new_merchant(server, "Closing down")
    header = {"authorization": f"Bearer {key}"}
    for _ in range(3):  # it is remembered by now
        assert server.get(INTENTS, **header).status == 200
    revoke(server, key)
    began = time.monotonic()
    while server.get(INTENTS, **header).status != 401:
        assert time.monotonic() - began < 0.25, "a revoked key still opens"
    assert server.get(INTENTS, **header).status == 401


@pytest.fixture(scope="module")
def intent(api: Api) -> str:
    """A payment of ours, made before anything is compared."""
    return str(api.post(INTENTS, {"amount": "500", "currency": "usd"})["id"])


def test_ids_of_another_account(server: Server, intent: str) -> None:
    other = f"Bearer {new_merchant(server, 'A stranger')}"
    for method, path, body in (
        ("GET", f"{INTENTS}/{intent}", b""),
        ("POST", f"{INTENTS}/{intent}/confirm", b"payment_method=pm_card_visa"),
        ("POST", f"{INTENTS}/{intent}/cancel", b""),
        ("POST", f"{INTENTS}/{intent}/capture", b""),
        ("POST", "/v1/refunds", f"payment_intent={intent}".encode()),
        ("POST", "/v1/refunds", f"payment_intent={intent}&amount=1".encode()),
    ):
        status, error = refused(server, method, path, body, {"Authorization": other})
        assert (status, error["code"]) == (404, "resource_missing"), path
    query = f"{INTENTS}?starting_after={intent}"
    status, error = refused(server, "GET", query, headers={"Authorization": other})
    assert (status, error["code"]) == (400, "resource_missing")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_that_are_not_there(server: Server, method: str) -> None:
    status, _ = refused(server, method, INTENTS)
    assert status == 404


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Idempotency-Key", "k" * 256, 400),
        ("Idempotency-Key", "k" * 60_000, 400),
        ("Idempotency-Key", "caf\xe9", 400),
        ("Idempotency-Key", "a\tb", 400),
        ("Stripe-Version", "1999-01-01", 400),
        ("Stripe-Version", "newest", 400),
        ("Stripe-Version", "2022-08-01; DROP", 400),
        ("Stripe-Account", "acct_somebody", 403),
    ],
    ids=lambda value: str(value)[:20],
)
def test_headers_that_cannot_be(server: Server, name: str, value: str, status: int) -> None:
    got, _ = refused(server, "POST", INTENTS, b"amount=2000&currency=usd", {name: value})
    assert got == status


CARD_NUMBER = "4012888888881881"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (INTENTS, f"amount=100&currency=usd&payment_method={CARD_NUMBER}"),
        (INTENTS, f"amount=100&currency=usd&customer={CARD_NUMBER}"),
        ("/v1/refunds", f"payment_intent={CARD_NUMBER}"),
        ("/v1/refunds", f"charge={CARD_NUMBER}"),
        (f"/v1/payment_methods/{CARD_NUMBER}/attach", "customer=cus_1"),
        ("/v1/payment_methods/pm_1/attach", f"customer={CARD_NUMBER}"),
        ("/v1/payment_methods", f"type=card&card[token]={CARD_NUMBER}"),
        ("/v1/customers", f"payment_method={CARD_NUMBER}"),
        ("/v1/customers/cus_1", f"invoice_settings[default_payment_method]={CARD_NUMBER}"),
    ],
)
def test_a_card_number_in_an_ids_place_is_neither_told_nor_kept(
    server: Server, path: str, form: str
) -> None:
    key = secrets.token_hex(12)
    _, error = refused(server, "POST", path, form.encode(), {"Idempotency-Key": key})
    assert CARD_NUMBER not in json.dumps(error)
    assert saved_under(server, key) == []


SALE = b"currency=usd&payment_method=pm_card_visa&confirm=true&amount=100000"
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: %d" % len(SALE), SALE[:-2]),
        (CHUNKED, b"%x\r\n%s" % (len(SALE), SALE[:-2])),
        (CHUNKED, b"%x\r\n%s\r\n" % (len(SALE[:-2]), SALE[:-2])),
        (CHUNKED, b"%x\r\n%s\r\nZZ\r\n" % (len(SALE[:-2]), SALE[:-2])),
        (CHUNKED, SALE),  # no chunk at all
    ],
)
def test_a_body_that_was_cut_off_does_nothing(server: Server, framing: bytes, body: bytes) -> None:
    """Executed as far as it came, it would be a charge of another amount."""
    head = (
        f"POST {INTENTS} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n"
        f"Authorization: Bearer {server.secret_key}\r\n"
    ).encode()
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        connection.sendall(head + framing + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
