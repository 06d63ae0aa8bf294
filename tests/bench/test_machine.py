"""What is read from the machine is true of processes whose work we know."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import machine, stopping

SPIN = "import time\nend=time.process_time()+0.3\nwhile time.process_time()<end: pass\n"
PARENT = (
    "import subprocess,sys,time\nsubprocess.Popen([sys.executable,'-c',sys.argv[1],'worker'])\n"
)
WAIT = "time.sleep(60)"


@pytest.fixture
def family() -> Iterator["subprocess.Popen[str]"]:
    """A parent that sleeps and a child named worker that has spent 0.3 s and then sleeps."""
    command = [sys.executable, "-c", PARENT + WAIT, SPIN + WAIT]
    child = subprocess.Popen(command, text=True, start_new_session=True)
    yield child
    stopping.stop(child, 5.0)


def wait_for_two(family: "subprocess.Popen[str]") -> list[machine.Process]:
    """The parent has begun its work when it has a child."""
    give_up = time.monotonic() + 10
    while len(members := machine.tree(family.pid)) < 2 and time.monotonic() < give_up:
        time.sleep(0.02)
    return members


def test_cpu_is_counted_for_the_role_that_spent_it(family: "subprocess.Popen[str]") -> None:
    spent = 0.0
    give_up = time.monotonic() + 10
    while spent < 0.28 and time.monotonic() < give_up:
        time.sleep(0.05)
        workers = [p for p in machine.tree(family.pid) if p.pid != family.pid]
        spent = machine.cpu_by_role(workers).get("worker", 0.0)
    assert 0.28 <= spent <= 0.6


def test_memory_is_that_of_living_processes(family: "subprocess.Popen[str]") -> None:
    wait_for_two(family)
    row = machine.memory_by_role([p for p in [machine.process(family.pid)] if p])
    (found,) = row.values()
    assert found["processes"] == 1
    assert 3 < found["pss_mb"] <= found["rss_mb"] < 100


def test_stopping_takes_the_children_too(family: "subprocess.Popen[str]") -> None:
    members = wait_for_two(family)
    stopping.stop(family, 5.0)
    assert [machine.process(member.pid) for member in members if member.pid == family.pid] == [None]
    left = [found for m in members if (found := machine.process(m.pid)) and found.command]
    assert left == []


def test_a_process_that_has_ended_has_no_tree() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert machine.tree(child.pid) == []


def test_fdatasync_leaves_no_file_behind(tmp_path: Path) -> None:
    found = machine.fdatasync_ms(tmp_path, samples=5)
    assert 0 < found["median_ms"] <= found["p99_ms"]
    assert list(tmp_path.iterdir()) == []
