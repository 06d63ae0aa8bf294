"""A whole `nostro up` to be ill-treated: its processes by pid, its books, its restart after a kill of everything."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import psycopg
from psycopg.rows import dict_row

from bench import machine
from nostro.cli.verify import reports_of
from nostro.db import roles
from nostro.db.urls import socket_url
from nostro.system import SystemClock
from nostro.verification.report import to_text
from tests.chaos.up import VARIABLE
from tests.server import free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
VERIFY_SECONDS = 300.0
RUNNING_AT_ALL = Path("/proc/self/stat").exists()
# Short deadlines, so that a lease runs out within seconds and a stall can outlast it.
TIMING = {"send_ms": 1_000, "call_ms": 1_500, "settle_ms": 1_500, "retry_ms": 250}
LEASE_SECONDS = (TIMING["call_ms"] + TIMING["settle_ms"]) / 1_000
# What stands in the command line of each process.
WORDS = {
    "api": "nostro.bootstrap.child api",
    "worker": "nostro.bootstrap.child worker",
    "sandbox": "-m sandbox ",
    "postmaster": "bin/postgres -D ",
    "backend": f"postgres: {roles.APP}",
}


class Stack:
    """One Nostro on a data directory of its own. Everything it starts is ended by pid."""

    def __init__(self, directory: Path, timing: Mapping[str, int] | None = None) -> None:
        """`timing` in milliseconds. `children` is what API and worker are given besides, `DATABASE` the directory of a wire's socket."""
        self.directory, self.data_dir = directory, directory / "data"
        self.timing = {**TIMING, **(timing or {})}
        self.children: dict[str, str] = {}
        self.port, self.sandbox_port = free_port(), free_port()
        self.secret_key = f"sk_test_chaos{secrets.token_hex(12)}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.client_urls = [self.url]  # where clients find it: behind a wire, if there is one
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.log_path = directory / "nostro-up.log"
        self._log: TextIO | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._seen: dict[int, int] = {}  # every pid that was ever ours, and when it started

    def start(self) -> None:
        """Start `nostro up`; does not wait."""
        self._log = self._log or self.log_path.open("a")
        self._child = subprocess.Popen(
            [sys.executable, "-m", *self._program()],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            env=self.environment(), start_new_session=True,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """The environment of `nostro`: where everything is, and short deadlines."""
        given = {**self.timing, **self._options()}
        settings = {f"NOSTRO_{name.upper()}": str(value) for name, value in given.items()}
        return {**os.environ, **settings, VARIABLE: json.dumps(self.children)}

    def processes(self) -> list[machine.Process]:
        """`nostro up` and everything below it."""
        assert self._child is not None, "not started"
        found = machine.tree(self._child.pid) if self._child.poll() is None else []
        self._seen.update({process.pid: process.started for process in found})
        return found

    def find(self, role: str) -> list[int]:
        """The pids of a role, found below `nostro up`."""
        if role == "up":
            return [self._child.pid] if self._child and self._child.poll() is None else []
        return [p.pid for p in self.processes() if WORDS[role] in p.command]

    def kill_everything(self) -> int:
        """`kill -9` of the whole tree, its root first; returns how many there were."""
        victims = self.processes()
        for process in victims:
            _signal(process.pid, signal.SIGKILL)
        self.reap()
        return len(victims)

    def reap(self) -> None:
        """Wait for the root, which was killed."""
        assert self._child is not None
        self._child.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Stop in order; whatever is left of all that was ever ours is killed by pid."""
        if self._child is not None:
            for process in self.processes():
                _signal(process.pid, signal.SIGCONT)  # a stopped process cannot stop in order
            if self._child.poll() is None:
                self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_SECONDS)
            self._kill_survivors()
            self._child.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _kill_survivors(self) -> None:
        for pid, started in self._seen.items():
            now = machine.process(pid)
            if now is not None and now.started == started:
                _signal(pid, signal.SIGKILL)

    def connect(self) -> "psycopg.Connection[dict[str, Any]]":
        """A reading connection to the database. Raises psycopg.OperationalError while it is down."""
        return psycopg.connect(
            self._read_only_url(), autocommit=True, connect_timeout=5, row_factory=dict_row
        )

    def _read_only_url(self) -> str:
        data = self.data_dir / "postgres"
        password = (data / "passwords" / roles.READ_ONLY).read_text()
        return socket_url(str(data / "socket"), "nostro", roles.READ_ONLY, password)

    def verify(self) -> str:
        """What `nostro verify` finds wrong, and then again in what is too young for it; nothing if all is well."""
        command = [sys.executable, "-m", "nostro", "verify", "--full", *self._where()]
        done = subprocess.run(
            [*command, "--sandbox-port", str(self.sandbox_port)],
            check=False, capture_output=True, text=True, timeout=VERIFY_SECONDS,
        )  # fmt: skip
        if done.returncode:
            return done.stdout + done.stderr
        reports = reports_of(
            self._read_only_url(), {"sandbox": self.sandbox_url}, [1], SystemClock(), 0
        )
        young = asyncio.run(reports)
        return "" if young[0].clean else to_text(young)

    def note(self, text: str) -> None:
        """Write a line among what the processes print."""
        assert self._log is not None, "not started"
        print(f"{time.strftime('%H:%M:%S')} chaos: {text}", file=self._log, flush=True)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that the processes printed."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def _where(self) -> list[str]:
        return ["--data-dir", str(self.data_dir)]

    def _program(self) -> list[str]:
        return ["tests.chaos.up"] if self.children else ["nostro", "up"]

    def _options(self) -> dict[str, object]:
        ports = {"port": self.port, "sandbox_port": self.sandbox_port}
        fees = {"fee_basis_points": 290, "fee_fixed": 30}
        return {"data_dir": self.data_dir, **ports, "secret_key": self.secret_key, **fees}


def wait_until(is_so: Any, seconds: float, what: str) -> float:
    """Wait until something is so; how long it took. Raises TimeoutError."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not so after {seconds} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
