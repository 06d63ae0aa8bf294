"""`nostro ledger export` against a running Nostro."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.ledger.judges import JUDGES, Judge
from tests.server import Server

CHARGE = {"amount": 4200, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
def test_a_payment_is_exported_and_accepted(
    server: Server, nostro: Command, judge: Judge, tmp_path: Path
) -> None:
    assert server.post("/v1/payment_intents", CHARGE).status == 200
    printed = nostro("ledger", "export", "--format", judge.format)
    assert (printed.code, printed.err.splitlines()[-1][:6]) == (0, "Wrote ")
    assert "Assets:Acquirer:Sandbox:Clearing:USD:POSTED" in printed.out
    assert "4200 USD" in printed.out
    file = tmp_path / "book"
    written = nostro("ledger", "export", "--format", judge.format, "--output", str(file))
    assert (written.code, written.out) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["book"]
    assert "; end: " in file.read_text("utf-8").splitlines()[-1]
    verdict = judge(file)
    assert verdict.accepts, verdict.said


def test_before_the_installation_there_was_nothing(nostro: Command) -> None:
    for instant in ("2001-01-01", "2001-01-01T10:00:00+02:00", "2001-01-01T08:00:00Z"):
        ended = nostro("ledger", "export", "--format", "beancount", "--until", instant)
        assert ended.out.endswith("; end: 0 transfers, 0 accounts\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--book", "9"), "there is no book 9"),
        (("--until", "yesterday"), "no ISO 8601 time"),
        (("--output", "/nowhere/book"), "/nowhere/book"),
    ],
)
def test_an_export_that_cannot_be(nostro: Command, arguments: tuple[str, ...], said: str) -> None:
    ended = nostro("ledger", "export", "--format", "hledger", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
