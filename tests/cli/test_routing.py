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
        (("--currency", "usd", "--acquirers", "a=http://h#mute:5"), "mute knows no reference"),
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


@pytest.mark.parametrize(
    "given",
    [
        "a=http://user:hunter2@h", "a b=http://user:hunter2@h", "a=http://user:hunter2,1@h",
        "a=http://user:1,hunter2@h", "a=http://user:hunter2/1@h", "a=http://user:1@hunter2@h",
        "a=user:hunter2@h", "a=http://user:hunter2 1@h", "a=http://user:1#hunter2@h",
        "a=http://user:hunter2@h,a=http://h",
    ],
)  # fmt: skip
def test_no_password_of_an_address_is_told(given: str) -> None:
    done = nostro("routing", "explain", "--amount", "1", "--currency", "usd", "--acquirers", given)
    assert (done.returncode, done.stdout) == (1, "")
    assert "without a user and a password" in done.stderr and done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr and "user:" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--routing", "/nowhere.toml"), "routing rules /nowhere.toml"),
        (("--port", "4994", "--sandbox-port", "4994"), "by the acquirer sandbox (--sandbox-port)"),
        (
            ("--port", "4994", "--sandbox-port", "4993", "--sandbox-manner", "honours,mute"),
            "port 4994 is asked for twice, by the API (--port) and by the acquirer mute",
        ),
        (("--sandbox-port", "0"), "--sandbox-port is 1 or more"),
        (
            ("--sandbox-manner", "mute,honours", "--sandbox-port", "65535"),
            "(--sandbox-port) is 65535: there is no room above it for 2 sandboxes",
        ),
        (("--sandbox-manner", "mute,mute,mute"), "(--sandbox-manner) is 'mute,mute,mute': after"),
        (("--sandbox-manner", "honours,kind"), "'kind' is no manner"),
        (("--sandbox-url", "here"), "(--sandbox-url) is 'here': write http://HOST:PORT"),
        (("--sandbox-url", "http://h/a,b#c"), "(--sandbox-url) is 'http://h/a,b#c': write"),
        (("--sandbox-url", "http://user:x@h"), "(--sandbox-url) holds an @: write it without"),
    ],
)
def test_up_refuses_a_mistake_before_it_starts_anything(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = nostro("up", "--data-dir", str(tmp_path / "data"), *options)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_the_api_alone_refuses_a_mistake_before_it_serves(tmp_path: Path, rules: str) -> None:
    for path, said in (
        ("/nowhere.toml", "routing rules /nowhere.toml: "),
        (rules, "rule 2 (second)"),
    ):
        done = nostro("api", "--data-dir", str(tmp_path / "none"), "--routing", path)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        *((none, "there are honours, ") for none in ("", "kind", "forgets:-5", "forgets:x")),
        *((none, "there are honours, ") for none in ("forgets:", "mute:")),
        ("mute:5", "mute knows no reference for any time"),
        ("notifies-only:5", "notifies-only knows no reference for any time"),
    ],
)
def test_a_sandbox_of_no_manner_is_one_sentence(tmp_path: Path, manner: str, why: str) -> None:
    done = nostro("sandbox", "--data-dir", str(tmp_path), "--manner", manner)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"nostro: {manner!r} is no manner: {why}")
    assert done.stderr.count("\n") == 1


def test_a_sandbox_that_never_forgets_takes_no_time(tmp_path: Path) -> None:
    said = "nostro: 'honours:5' is no manner of a sandbox: only forgets takes a time\n"
    for command, option in (("sandbox", "--manner"), ("up", "--sandbox-manner")):
        done = nostro(command, "--data-dir", str(tmp_path / "none"), option, "honours:5")
        assert (done.returncode, done.stderr) == (1, said)
    given = ("--acquirers", "a=http://h#no-inquiry:5")  # another's may know references for a time
    assert (
        nostro("routing", "explain", "--amount", "1", "--currency", "usd", *given).returncode == 0
    )


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("propose", "att_x", "--verdict", "not_done", "--evidence", __file__, "--reason", "x"),
        ("from-report", "--acquirer", "mute", "--evidence", __file__),
    ],
)
def test_where_nothing_runs_is_said_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("NOSTRO_OPERATOR_KEY", "op_x")
    done = nostro("conclude", *command, "--data-dir", str(tmp_path))
    asked = nostro("queues", "--data-dir", str(tmp_path))
    assert done.stderr.startswith("nostro: No database runs in ")
    assert (done.returncode, done.stderr) == (asked.returncode, asked.stderr)


@pytest.mark.parametrize("given", ["abc", "-5", "0", "1.5", "3600001", "", "--5", "²", "9" * 5_000])
def test_a_setting_out_of_its_range_is_named(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("NOSTRO_SEND_MS", given)
    done = nostro("routing", "explain", "--amount", "1", "--currency", "usd")
    assert done.returncode == 1
    sentence = f"NOSTRO_SEND_MS is a whole number from 1 to 3600000: not {given!r}"
    assert done.stderr == f"nostro: {sentence}\n"


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
