"""What `nostro sim` refuses before anything starts."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.server import ROOT


def refused(*command: str) -> str:
    clean = {name: value for name, value in os.environ.items() if "NOSTRO_" not in name}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=clean | {"PYTHONPATH": str(ROOT)}, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--minutes", "nan", "nan is no finite number above 0"),
        ("--minutes", "inf", "inf is no finite number above 0"),
        ("--minutes", "0", "0 is no finite number above 0"),
        ("--minutes", "-1", "-1 is no finite number above 0"),
        ("--minutes", "x", "'x'"),
        ("--jobs", "0", "0 is less than 1"),
        ("--seeds", "0", "0 is less than 1"),
        ("--pairs", "-2", "-2 is less than 1"),
    ],
)
def test_a_number_that_means_nothing_is_refused(option: str, value: str, said: str) -> None:
    error = refused("simulation", f"{option}={value}")
    assert error.startswith(f"nostro sim: error: argument {option}: ") and said in error
    assert error.count("\n") == 1


def test_a_trace_is_of_one_seed() -> None:
    assert refused("simulation", "--trace") == (
        "nostro sim: error: argument --trace: it is of one --seed\n"
    )


@pytest.mark.parametrize(
    "options", [("--jobs", "0"), ("--minutes", "nan"), ("--trace",)], ids=lambda it: it[0]
)
def test_nostro_sim_hands_it_on(options: tuple[str, ...]) -> None:
    error = refused("nostro", "sim", *options)
    assert error.startswith(f"nostro sim: error: argument {options[0]}: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to_and_says_nothing(ending: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "simulation", "--seeds", "50"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    time.sleep(4)
    os.killpg(child.pid, signal.SIGINT) if ending is signal.SIGINT else child.send_signal(ending)
    assert child.communicate(timeout=30) == (b"", b"")
    assert child.returncode == 128 + ending


def test_a_trace_is_told_of_a_seed_that_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", "3", "--trace", "--minutes", "0.2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert " acquirer: " in done.stdout and done.stdout.endswith("again the same\n")
