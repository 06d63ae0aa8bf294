"""`nostro ledger` as a process, against a running Nostro with a payment and a refund in it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.cli.command import Command
from tests.server import Server

MERCHANT = "merchant:acct_1Nostro"
Paid = dict[str, Any]


@pytest.fixture(scope="module")
def paid(server: Server) -> Paid:
    """A payment of 20.00 and a refund of 5.00 of it."""
    sale = {
        "amount": "2000",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
    }
    intent = server.post("/v1/payment_intents", sale).body
    refund = server.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "500"}).body
    return {"intent": intent["id"], "charge": intent["latest_charge"], "refund": refund["id"]}


def test_a_balance_in_every_way_it_is_asked(nostro: Command, paid: Paid) -> None:
    code = f"{MERCHANT}:pending:usd"
    [now] = nostro("ledger", "balance", code, "--json").rows
    [parts] = nostro("ledger", "explain", code, "--json").rows
    for told in ("by_code", "by_subject"):
        assert sum(part["amount"] for part in parts[told].values()) == now["balance"]
    assert parts["by_subject"][paid["charge"]]["amount"] == 2000
    assert parts["by_subject"][paid["refund"]]["amount"] == -500
    [then] = nostro("ledger", "balance", code, "--at", "2020-01-01", "--json").rows
    assert (then["balance"], then["entries"]) == (0, 0)
    [later] = nostro("ledger", "balance", code, "--effective-on", "2999-01-01", "--json").rows
    assert later["balance"] == now["balance"]
    opened, *entries, closed = nostro("ledger", "statement", code, "--json").rows
    assert opened["opening_balance"] + sum(entry["amount"] for entry in entries) == now["balance"]
    assert closed["closing_balance"] == entries[-1]["balance"] == now["balance"]
    one = nostro("ledger", "statement", code, "--subject", paid["refund"], "--limit", "1", "--json")
    assert [row["subject"] for row in one.rows[1:-1]] == [paid["refund"]]
    text = nostro("ledger", "balance", code).out
    assert f"{now['balance']} usd = " in text and "USD (credit side)" in text


def test_a_payment_is_told_from_its_intent_its_charge_and_its_transfer(
    nostro: Command, paid: Paid
) -> None:
    [story] = nostro("ledger", "explain", paid["intent"], "--json").rows
    assert [line["code"] for line in story["transfers"]] == ["sale", "refund_hold", "refund"]
    assert story["account"] == "acct_1Nostro"
    actors = {record["actor"] for record in story["records"]}
    assert any(actor.startswith("key_") for actor in actors)
    [same] = nostro("ledger", "explain", paid["charge"], "--json").rows
    assert same["transfers"] == story["transfers"]
    [refund] = nostro("ledger", "explain", paid["refund"], "--json").rows
    assert refund["transfers"] == story["transfers"][1:]
    transfer = story["transfers"][0]["transfer"]
    [single] = nostro("ledger", "explain", transfer, "--json").rows
    assert story["transfers"][0] in single["transfers"]
    assert f"credit {MERCHANT}:pending:usd" in nostro("ledger", "explain", paid["intent"]).out
    records = nostro("ledger", "audit", paid["intent"], "--json").rows
    assert records == story["records"][::-1]
    newest = nostro("ledger", "audit", "--limit", "1", "--json").rows
    [second] = nostro("ledger", "audit", "--limit", "1", "--before", str(newest[0]["record"]),
                      "--json").rows  # fmt: skip
    assert second["record"] == newest[0]["record"] - 1


def test_tables_and_their_exports(nostro: Command, paid: Paid) -> None:
    ended = nostro("ledger", "trial-balance", "--format", "csv")
    assert ended.code == 0
    lines = list(csv.DictReader(io.StringIO(ended.out)))
    for currency in {line["currency"] for line in lines}:
        own = [line for line in lines if line["currency"] == currency]
        [total] = [line for line in own if line["account"] == "TOTAL"]
        assert total["posted_debits"] == total["posted_credits"]
        assert sum(int(line["posted_debits"]) for line in own) == 2 * int(total["posted_debits"])
    assert "Debits equal credits." in nostro("ledger", "trial-balance").out
    assert nostro("ledger", "trial-balance", "--at", "2020-01-01", "--json").rows == []
    found = nostro("ledger", "accounts", "merchant:", "--currency", "usd", "--json").rows
    assert f"{MERCHANT}:pending:usd" in [row["account"] for row in found]
    items = nostro("ledger", "open-items", "--json").rows
    clearing = {row["subject"]: row["amount"] for row in items if row.get("kind") == "clearing"}
    assert (clearing[paid["charge"]], clearing[paid["refund"]]) == (2000, -500)
    assert [row for row in items if row.get("currency") == "usd" and "score" in row]
    assert "Explainability in usd" in nostro("ledger", "open-items").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("balance", f"{MERCHANT}:pendin:usd"), f"did you mean {MERCHANT}:pending:usd"),
        (("statement", "x"), "there is no account x in book 1"),
        (("explain", "pi_none"), "nothing is known of pi_none"),
        (("balance", f"{MERCHANT}:pending:usd", "--at", "noon"), "no ISO 8601 time"),
        (("balance", f"{MERCHANT}:pending:usd", "--effective-on", "2026-02-30"), "is no date"),
        (("trial-balance", "--book", "9"), "there is no book 9"),
        (("open-items", "--book", "9"), "there is no book 9"),
    ],
)
def test_a_mistake_is_one_sentence(
    nostro: Command, paid: Paid, arguments: tuple[str, ...], said: str
) -> None:
    ended = nostro("ledger", *arguments)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1), ended
    assert said in ended.err


BROKEN = "\udcff"  # the byte 0xff, as Python has it in an argument


@pytest.mark.parametrize(
    "arguments",
    [
        ("proof", "balance", "x", "--day", "x"),
        ("proof", "balance", "x", "--day", "20260101"),
        ("proof", "balance", "x"),
        ("proof", "consistency", "missing-file"),
        ("proof", "consistency", "999999999"),
        ("proof", "checkpoint", "--book", "99999999999"),
        ("proof", "checkpoint", "--output", "/missing/x"),
        ("ledger", "balance", "merchant:", "--book", "99999999999"),
        ("ledger", "balance", "x", "--effective-on", "2026-W01-1"),
        ("ledger", "audit", "--before", "9" * 23),
        ("ledger", "statement", f"{MERCHANT}:pending:usd", "--after", "9" * 23),
        ("ledger", "accounts", "--limit", "9" * 23),
        ("ledger", "accounts", BROKEN),
        ("ledger", "accounts", "--currency", "x\x01"),
        ("ledger", "export", "--output", "/missing/x"),
        ("verify", "--book", "99999999999"),
        ("settle-alarm", "--alarm", "a", "--reason", "b", "--book", "-1"),
        ("top-up", "--account", "acct_1Nostro", "--amount", "9" * 23),
    ],
)
def test_whatever_is_given_there_is_no_traceback(
    nostro: Command, paid: Paid, arguments: tuple[str, ...]
) -> None:
    ended = nostro(*arguments)
    assert "Traceback" not in ended.err and "Errno" not in ended.err, ended.err
    allowed = (0, 1, 2) if "--currency" in arguments else (1, 2)
    assert ended.code in allowed, ended
    if ended.code == 1:
        assert len(ended.err.splitlines()) == 1, ended.err
        assert "mistake of ours" not in ended.err, ended.err
