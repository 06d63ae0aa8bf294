"""`nostro up`, `sandbox` and the command line itself."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.machine import tree
from nostro.cli import instance
from nostro.cli.ports import claim, why_taken
from nostro.db.running import urls_of
from tests.cli.command import Command
from tests.server import ROOT, Server, free_port


def test_up_says_where_it_is_and_withdraws_it(tmp_path: Path) -> None:
    ports = ("--port", str(free_port()), "--sandbox-port", str(free_port()))
    data = tmp_path / "data"
    child = subprocess.Popen(
        [sys.executable, "-m", "nostro", "up", "--json", "--data-dir", str(data), *ports],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        said = json.loads(child.stdout.readline())
        running = instance.find(data)
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    assert running is not None
    assert (running.pid, running.url, running.sandbox_url) == (
        child.pid, said["url"], said["sandbox_url"],
    )  # fmt: skip
    assert said["secret_key"].startswith("sk_test_")
    assert said["secret_key"] not in (data / "postgres" / "server.log").read_text()
    assert instance.find(data) is None


def test_one_that_was_killed_is_not_found(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / instance.FILE).write_text(
        json.dumps({"pid": gone.pid, "url": "http://x", "sandbox_url": "http://x"})
    )
    assert instance.find(tmp_path) is None


def test_a_second_up_in_one_directory_is_refused(server: Server, nostro: Command) -> None:
    ended = nostro("up", "--port", str(free_port()))
    assert ended.code == 1
    assert f"in use by process {server.pid}" in ended.err
    assert instance.find(server.data_dir) is not None


def test_a_port_of_another_is_refused_before_anything_is_served(
    server: Server, nostro: Command, tmp_path: Path
) -> None:
    taken, free = str(urlsplit(server.url).port), str(free_port())
    for ports, option in (((taken, free), "--port"), ((free, taken), "--sandbox-port")):
        ended = nostro(
            "up", "--data-dir", str(tmp_path), "--port", ports[0], "--sandbox-port", ports[1]
        )
        assert (ended.code, ended.out) == (1, "")
        assert f"port {taken} of 127.0.0.1 cannot be taken" in ended.err and option in ended.err
    ended = nostro("api", "--port", taken)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1), ended.err


def test_after_a_kill_its_children_are_waited_for(tmp_path: Path) -> None:
    with socket.socket() as of_a_child:
        of_a_child.bind(("127.0.0.1", 0))
        port = of_a_child.getsockname()[1]
        assert why_taken("127.0.0.1", port) is not None

        async def end_while_waiting() -> None:
            waiting = asyncio.create_task(claim("--port", "127.0.0.1", port, 10.0))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            of_a_child.close()
            await waiting

        asyncio.run(end_while_waiting())


def test_the_sandbox_alone_says_its_port_and_ends_in_order(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "nostro", "sandbox", "--data-dir", str(tmp_path),
         "--sandbox-port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        port = json.loads(child.stdout.readline())["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            assert answer.status == 200
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("--port", "70000"), {}),
        (("--port", "0"), {}),
        (("--sandbox-port", "-1"), {}),
        (("--fee-basis-points", "-5"), {}),
        (("--fee-basis-points", "10001"), {}),
        (("--fee-fixed", "-1"), {}),
        ((), {"NOSTRO_LOG_LEVEL": "loud"}),
        ((), {"NOSTRO_PORT": "70000"}),
    ],
)
def test_a_setting_out_of_range_starts_nothing(
    tmp_path: Path, nowhere: Command, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    data = tmp_path / "never-made"
    ended = nowhere("up", "--data-dir", str(data), *arguments, **variables)
    assert ended.code != 0 and ended.out == ""
    assert "Traceback" not in ended.err
    assert not data.exists()


def test_it_says_which_version_it_is(nowhere: Command) -> None:
    ended = nowhere("--version")
    assert (ended.code, ended.out) == (0, f"nostro {version('nostro')}\n")


def test_a_database_that_is_not_there_is_one_sentence(nowhere: Command) -> None:
    for command in ("up", "verify"):
        ended = nowhere(command, "--database-url", "postgresql://u:hush-hush@127.0.0.1:9/x")
        assert (ended.code, len(ended.err.splitlines())) == (1, 1), ended.err
        assert "hush" not in ended.err


@pytest.mark.parametrize("lost", ["api.key", "vault.keys"])
def test_a_lost_key_file_is_one_sentence(tmp_path: Path, lost: str) -> None:
    """The database holds what only that key opens; another would be made in vain."""
    ports = ("--port", str(free_port()), "--sandbox-port", str(free_port()))
    data = tmp_path / "data"
    data.mkdir()
    kept = {"api.key", "vault.keys"} - {lost}
    with Server.start() as first:
        for name in kept:
            shutil.copy(first.data_dir / name, data)
        database = ("--database-url", urls_of(first.data_dir / "postgres").owner)
        ended = Command({"NOSTRO_DATA_DIR": str(data)})("up", *database, *ports)
    assert (ended.code, ended.out) == (1, ""), ended.err
    assert ended.err.splitlines()[-1].startswith(f"nostro: {data / lost} is missing: copy it from")
    assert "starting it again" not in ended.err and {file.name for file in data.iterdir()} == kept


def test_a_misconfigured_child_ends_up() -> None:
    """Starting it again would change nothing: it has said what a person has to do."""
    with Server.start() as running:
        (running.data_dir / "vault.keys").chmod(0o644)
        for process in tree(running.pid):
            if process.role == "worker":
                os.kill(process.pid, signal.SIGKILL)
        assert running.wait(20) == 1
        said = running.log()
    assert "nostro: others may read" in said and "chmod 600" in said
    assert "Traceback" not in said


def test_a_mistake_that_only_the_api_sees_is_its_last_word(server: Server, tmp_path: Path) -> None:
    for name in ("api.key", "vault.keys"):
        shutil.copy(server.data_dir / name, tmp_path)
    (tmp_path / "vault.keys").chmod(0o644)
    database = ("--database-url", urls_of(server.data_dir / "postgres").owner)
    ended = Command({"NOSTRO_DATA_DIR": str(tmp_path)})(
        "api", "--port", str(free_port()), *database
    )
    assert (ended.code, ended.out) == (1, ""), ended.err
    assert ended.err.splitlines()[-1].startswith(f"nostro: others may read {tmp_path}/vault.keys")
    assert "Traceback" not in ended.err and "uvicorn" not in ended.err


def test_children_of_up_get_the_secrets_they_need_and_no_other(tmp_path: Path) -> None:
    key = f"sk_test_{'k' * 32}"
    ports = ("--port", str(free_port()), "--sandbox-port", str(free_port()))
    up = subprocess.Popen(
        [sys.executable, "-m", "nostro", "up", "--json", "--data-dir", str(tmp_path / "data"), *ports],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NOSTRO_SECRET_KEY": key},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert up.stdout is not None and key in up.stdout.readline()
        environments = children_of(up.pid)
    finally:
        up.send_signal(signal.SIGTERM)
        assert up.wait(20) == 0
    assert not [name for name, environment in environments.items() if key in environment]
    assert "NOSTRO_APP_URL" not in environments["sandbox"]
    assert "NOSTRO_APP_URL" in environments["api"]


def children_of(pid: int) -> dict[str, str]:
    """The environments of a process's Python children, by the last word or `sandbox`."""
    found: dict[str, str] = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().rstrip("\0").split("\0")
        if "-m" in words:
            name = "sandbox" if "sandbox" in words[:3] else words[-1]
            found[name] = Path(f"/proc/{child}/environ").read_text()
    return found
