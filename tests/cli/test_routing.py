"""`nostro routing explain`, and a `nostro up` with several acquirers and rules between them."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Api
from tests.server import Server

BOTH = "sandbox=http://127.0.0.1:4243,second=http://127.0.0.1:4244#mute"
RULES = """
[[rules]]
acquirer = "sandbox"
currencies = ["eur"]

[[rules]]
acquirer = "{second}"
networks = ["visa"]
amount_max = 5000
cost = {{ basis_points = 90, fixed = 10 }}
"""


def nostro(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nostro", *arguments],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(second="second"))
    return str(path)


def explained(rules: str, *more: str) -> Any:
    options = ("--amount", "2000", "--acquirers", BOTH, "--routing", rules, *more)
    done = nostro("routing", "explain", *options, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_names_the_acquirer_and_why(rules: str) -> None:
    said = explained(rules, "--currency", "USD", "--card-network", "visa")
    [candidate] = said["route"]["candidates"]
    assert (candidate["acquirer"], candidate["cost"]) == ("second", 28)
    [left] = said["route"]["left_out"]
    assert left["reasons"] == ["usd is none of its currencies (eur)"]
    assert said["facts"]["currency"] == "usd"


def test_it_says_it_for_people(rules: str) -> None:
    done = nostro(
        "routing", "explain", "--amount", "9000", "--currency", "usd", "--acquirers", BOTH,
        "--routing", rules,
    )  # fmt: skip
    assert done.returncode == 0
    assert "No acquirer takes it." in done.stdout
    assert (
        "second: no network is none of its networks (visa); 9000 is more than 5000" in done.stdout
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--currency", "xxxx"), "no ISO 4217 currency"),
        (("--currency", "usd", "--card-network", "Visa"), "no card network: write visa"),
        (("--currency", "usd", "--card-network", "vsia"), "no card network: there are visa"),
        (("--currency", "usd", "--acquirers", "x"), "write name=URL"),
        (("--currency", "usd", "--acquirers", "a=http://h#kind"), "is no manner"),
        (("--currency", "usd", "--acquirers", "a=http://h#forgets:²"), "is no manner"),
        (("--currency", "usd", "--acquirers", "a=http://h#forgets:" + "9" * 5_000), "is no manner"),
        (("--currency", "usd", "--acquirers", "a=http://[x"), "write name=URL"),
        (("--currency", "usd", "--acquirers", "a=http://h:65536"), "write name=URL"),
        (("--currency", "usd", "--acquirers", "a=http://h:x"), "write name=URL"),
        (("--currency", "usd", "--acquirers", "a=http://h,a=http://i"), "twice"),
        (("--currency", "usd", "--acquirers", "a:b=http://h"), "write name=URL"),
        (("--currency", "usd", "--routing", "/nowhere.toml"), "/nowhere.toml"),
        (("--currency", "usd", "--sandbox-manner", "honours,honours,forgets,forgets"), "twice"),
    ],
)
def test_a_mistake_is_one_sentence(options: tuple[str, ...], said: str) -> None:
    done = nostro("routing", "explain", "--amount", "1", *options)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_up_runs_several_and_verify_compares_the_book_of_each(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(second="mute"))
    options = ("--sandbox-manner", "honours,mute", "--routing", str(path))
    with Server.start(*options) as server:
        api = Api(server)
        sale = {"amount": "2000", "confirm": "true", "payment_method": "pm_card_visa"}
        for currency in ("usd", "eur"):
            intent = api.post("/v1/payment_intents", sale | {"currency": currency})
            assert intent["status"] == "succeeded"
            refund = api.post("/v1/refunds", {"payment_intent": intent["id"], "amount": "500"})
            assert refund["status"] == "succeeded"
        assert currencies(server.sandbox_port) == ["eur", "eur"]
        assert currencies(server.sandbox_port + 1) == ["usd", "usd"]
        error = api.post("/v1/payment_intents", sale | {"currency": "gbp", "amount": "6000"}, 400)[
            "error"
        ]
        assert "nostro routing explain" in error["message"]
        done = nostro("verify", "--data-dir", str(server.data_dir), "--json")
        assert done.returncode == 0, done.stdout
        compared = sum(book["acquirer_operations"] for book in json.loads(done.stdout)["books"])
        assert compared == 4


def currencies(port: int) -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/book", timeout=10) as answer:
        return [line["currency"] for line in json.load(answer)["operations"]]
