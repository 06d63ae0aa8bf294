"""The whole course of the benchmark, against a program with Nostro's command line."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import budget, machine
from bench.__main__ import main
from bench.campaign import Sizes

TINY = Sizes(1.0, 2, 1.0, 0.2, 5, 1, 2, 4, 0.2)
FAKE = f"{shlex.quote(sys.executable)} -m tests.bench.fake_nostro"


def test_a_run_measures_everything_there_is_and_names_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.__main__.QUICK", TINY)
    monkeypatch.setattr("bench.campaign.IDLE_SECONDS", 0.1)
    where = ["--directory", str(tmp_path), "--command", FAKE]
    assert main(["--quick", *where]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["rounds"]) == len(report["payments"]["rounds"]) == 2
    assert report["payments"]["per_second"] > 100
    assert report["open_loop"]["sent"] == report["open_loop"]["accepted"] == 200
    assert 0.2 < report["hot_merchant"]["ratio"] < 5
    assert report["cpu_us_per_payment"]["load generator"] > 0
    assert report["verify"]["exit_code"] == 0
    # It delivers no webhooks and has no PostgreSQL: both are said, neither is invented.
    assert report["webhooks"]["events"] == 0 < report["webhooks"]["expected_events"]
    assert report["ratio"] is None
    assert "postmaster.pid" in report["missing"]["pgbench"]
    assert "postmaster.pid" in report["missing"]["ledger"]
    assert report["budget"]["ratio_to_pgbench"]["met"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_does_not_start_is_an_error_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = f"{shlex.quote(sys.executable)} -c 'raise SystemExit(3)'"
    assert main(["--quick", "--directory", str(tmp_path), "--command", broken]) == 1
    assert "nostro up ended" in json.loads(capsys.readouterr().out)["error"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process(tmp_path: Path, how: signal.Signals) -> None:
    # A job in the background of a script ignores Ctrl-C, and hands that on to all that it starts.
    heeding = ["env", "--default-signal=INT"]
    command = [*heeding, sys.executable, "-m", "bench", "--quick", "--directory", str(tmp_path)]
    run = subprocess.Popen(
        [*command, "--command", FAKE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    give_up = time.monotonic() + 15
    while len(members := machine.tree(run.pid)) < 3 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(members) == 3, "bench, nostro up and the receiver"
    time.sleep(0.2)  # while it is forked, nobody has its number
    os.kill(run.pid, how)
    out, _ = run.communicate(timeout=30)
    assert run.returncode != 0
    assert how is signal.SIGTERM or json.loads(out)["error"] == "interrupted"
    assert [m for m in members if (now := machine.process(m.pid)) and now.command] == []


WHOLE = {"webhooks": {"events": 1}, "verify": {"exit_code": 0}}


def test_a_target_that_was_not_measured_is_neither_met_nor_missed() -> None:
    report = {"ratio": 0.4, "payments": {"per_second": 1999.0}, "hot_merchant": None, **WHOLE}
    judged = budget.judge(report)
    assert judged["ratio_to_pgbench"]["met"] is True
    assert judged["payments_per_second"]["met"] is False
    assert judged["hot_merchant_ratio"]["met"] is None


@pytest.mark.parametrize("spoiled", [{"webhooks": None}, {"verify": {"exit_code": 1}}])
def test_a_rate_without_webhooks_or_with_wrong_books_meets_nothing(spoiled: dict[str, Any]) -> None:
    judged = budget.judge({"ratio": 9.0, "payments": {"per_second": 9e9}, **WHOLE, **spoiled})
    assert judged["ratio_to_pgbench"]["met"] is judged["payments_per_second"]["met"] is None
    assert len(judged["payments_per_second"]["lacking"]) == 1
