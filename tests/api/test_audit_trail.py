"""What requests and the worker do to a payment, as the audit log of a running server tells it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
import pytest

from nostro.db.running import urls_of
from tests.api.acquirer import Acquirer, until
from tests.server import Response, Server

INTENTS = "/v1/payment_intents"
SALE = {"amount": "2000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
DECLINED = SALE | {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
HERE = "127.0.0.1"
QUERY = """
SELECT action, changes, actor, request_id, outcome, address, address_hash IS NOT NULL
FROM nostro.audit_records WHERE book_id = 1 AND subject = %s ORDER BY seq
"""


class Told(NamedTuple):
    """An audit record; `states` has what each table's state became, by table."""

    action: str
    states: dict[str, tuple[str, str]]
    actor: str
    request_id: str | None
    outcome: str
    address: str | None
    hashed: bool


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server whose unknown outcomes are asked about soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOSTRO_CALL_MS", "1500")
        patch.setenv("NOSTRO_RETRY_MS", "200")
        with Server.start() as started:
            yield started


def sql(server: Server, query: str, *parameters: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(urls_of(server.data_dir / "postgres").read_only) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def told(server: Server, subject: str) -> list[Told]:
    return [
        Told(action, {c[0]: (c[2], c[3]) for c in json.loads(changes)}, *rest)
        for action, changes, *rest in sql(server, QUERY, subject)
    ]


def key_id(server: Server) -> str:
    [(identifier,)] = sql(server, "SELECT id FROM nostro.api_keys")
    return str(identifier)


def pay(server: Server, form: dict[str, str], key: str | None = None) -> Response:
    return server.post(INTENTS, form, **({"idempotency_key": key} if key else {}))


@pytest.mark.parametrize("keyed", [True, False])
def test_a_payment_is_intended_and_settled_by_a_key(own_server: Server, keyed: bool) -> None:
    answer = pay(own_server, SALE, secrets.token_hex(8) if keyed else None)
    by = (key_id(own_server), answer.headers["request-id"], "done", HERE, True)
    charge = ("", "succeeded")
    assert told(own_server, answer.body["id"]) == [
        Told(
            "create_intent",
            {"payment_intents": ("", "processing"), "payment_attempts": ("", "sending")}, *by,
        ),
        Told(
            "settle",
            {
                "payment_attempts": ("sending", "approved"), "charges": charge,
                "payment_intents": ("processing", "succeeded"),
            }, *by,
        ),
    ]  # fmt: skip


def test_a_decline_says_why(own_server: Server) -> None:
    answer = pay(own_server, DECLINED, secrets.token_hex(8))
    assert answer.status == 402
    intent = answer.body["error"]["payment_intent"]["id"]
    intended, settled = told(own_server, intent)
    assert intended.outcome == "done"
    assert settled.outcome == "refused: card_declined (insufficient_funds)"
    assert settled.states["payment_intents"] == ("processing", "requires_payment_method")
    assert settled.states["charges"] == ("", "failed")
    assert settled.actor == key_id(own_server)


def test_what_the_worker_found_out_says_so_and_names_the_request(own_server: Server) -> None:
    with Acquirer(own_server).failing("reply_lost", "authorize", count=1):
        answer = pay(own_server, SALE, secrets.token_hex(8))
    intent, request = answer.body["id"], answer.headers["request-id"]
    until(lambda: own_server.get(f"{INTENTS}/{intent}").body["status"] == "succeeded")
    intended, lost, *more = told(own_server, intent)
    by_key = (key_id(own_server), request, "done", HERE, True)
    assert intended[2:] == lost[2:] == by_key
    assert lost.states == {"payment_attempts": ("sending", "unknown")}
    assert [(one.action, one.actor, one.request_id, one.address) for one in more] == [
        ("settle", "worker", request, None)
    ]
    assert more[0].states["payment_attempts"] == ("unknown", "approved")


def test_holds_are_told_under_what_they_are_held_for(own_server: Server) -> None:
    held = pay(own_server, SALE | {"capture_method": "manual"}).body
    captured = own_server.post(f"{INTENTS}/{held['id']}/capture", {"amount_to_capture": "500"})
    assert captured.status == 200
    assert [
        (one.action, one.states["holds"]) for one in told(own_server, held["latest_charge"])
    ] == [
        ("settle", ("", "open 2000")),
        ("settle", ("open 2000", "closed")),
    ]
    actions = [one.action for one in told(own_server, held["id"])]
    assert actions == ["create_intent", "settle", "capture_intent", "settle"]


def test_a_refund_is_told_under_its_own_id(own_server: Server) -> None:
    paid = pay(own_server, SALE).body
    refund = own_server.post("/v1/refunds", {"payment_intent": paid["id"], "amount": "100"}).body
    records = told(own_server, refund["id"])
    assert [(one.action, one.states.get("refunds")) for one in records] == [
        ("create_refund", ("", "sending")),
        ("settle_refund", ("sending", "succeeded")),
    ]
    assert {one.actor for one in records} == {key_id(own_server)}


def test_the_first_key_and_account_are_told_by_the_worker(own_server: Server) -> None:
    """`nostro up` makes them and leaves the record to the worker."""
    key = key_id(own_server)
    until(lambda: len(told(own_server, key)) == 1)
    [record] = told(own_server, key)
    assert (record.action, record.actor, record.outcome) == ("api_key.created", "operator", "done")
    assert record.states == {"api_keys": ("", "active, test key of acct_1Nostro")}
    [account] = told(own_server, "acct_1Nostro")
    assert account.states == {"accounts": ("", "fee 0 basis points and 0")}
