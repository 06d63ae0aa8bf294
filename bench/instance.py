"""A Nostro of the benchmark's own: started on a fresh data directory, asked, stopped.

Everything here goes through what a user has too: the command line and the HTTP API.
"""

import http.client
import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlencode

from bench import payments, stopping

START_SECONDS = 60.0
ASK_SECONDS = 10.0
VERIFY_SECONDS = 600.0
KEYS_SECONDS = 300.0


class NostroFailed(Exception):
    """A command of Nostro failed or took too long; the message has what it printed last."""


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Instance:
    """One `nostro up`. `command` is how the program is called, such as python -m nostro."""

    host = "127.0.0.1"

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self.command = list(command)
        self.data_dir = directory / "data"
        self.port, self.sandbox_port = free_port(), free_port()
        self.secret_key = f"sk_test_bench{secrets.token_hex(12)}"
        self._log_path = directory / "nostro-up.log"
        self._log: TextIO | None = None
        self._child: subprocess.Popen[str] | None = None
        self._began = 0.0

    @property
    def pid(self) -> int:
        """The process id of `nostro up`."""
        assert self._child is not None, "the instance has not been started"
        return self._child.pid

    def start(self) -> dict[str, float]:
        """Start, and wait for the first payment: seconds to `GET /health` and to its answer.

        Raises NostroFailed after a minute, or at once if the process ends.
        """
        self._log = self._log_path.open("w")
        self._began = time.perf_counter()
        self._child = subprocess.Popen(
            [*self.command, "up", *self._up_options()],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
        return {
            "healthy_seconds": self._until(self._healthy),
            "first_payment_seconds": self._paid(),
        }

    def stop(self) -> None:
        """Stop it and everything it started. May be called at any time, more than once."""
        if self._child is not None:
            stopping.stop(self._child)
        if self._log is not None:
            self._log.close()

    def post(self, path: str, form: Sequence[tuple[str, str]]) -> tuple[int, bytes]:
        """One POST as the instance's own merchant. Raises OSError or http.client.HTTPException."""
        headers = {
            "Authorization": f"Bearer {self.secret_key}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": f"bench-{secrets.token_hex(8)}",
        }
        return self._ask("POST", path, urlencode(form), headers)

    def merchants(self, count: int) -> list[str]:
        """Secret keys of `count` new merchants of the same book. Raises NostroFailed."""
        name = ["--account-name", "Bench", "--count", str(count)]
        printed = self._run("keys", "create", *name, seconds=KEYS_SECONDS)
        keys = [str(row["secret_key"]) for row in _rows(printed.stdout)]
        if printed.returncode or len(keys) != count:
            raise NostroFailed(f"keys create gave {len(keys)} of {count}: {printed.stderr[-300:]}")
        return keys

    def verify(self) -> dict[str, Any]:
        """What `nostro verify` ends with, and what it says. Raises NostroFailed."""
        began = time.perf_counter()
        done = self._run("verify", seconds=VERIFY_SECONDS)
        taken = round(time.perf_counter() - began, 2)
        return {"exit_code": done.returncode, "seconds": taken, "says": _said(done)}

    def log_tail(self, lines: int = 20) -> str:
        """The last lines `nostro up` printed."""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])

    def _up_options(self) -> list[str]:
        ports = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port)]
        fees = ["--fee-basis-points", "290", "--fee-fixed", "30"]
        where = ["--data-dir", str(self.data_dir)]
        return [*where, *ports, "--secret-key", self.secret_key, *fees]

    def _run(self, *arguments: str, seconds: float) -> "subprocess.CompletedProcess[str]":
        whole = [*self.command, *arguments, "--json", "--data-dir", str(self.data_dir)]
        try:
            return subprocess.run(
                whole, check=False, capture_output=True, text=True, timeout=seconds
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NostroFailed(f"nostro {arguments[0]}: {error}") from error

    def _until(self, ready: Callable[[], bool]) -> float:
        give_up = self._began + START_SECONDS
        while time.perf_counter() < give_up:
            if self._child is not None and self._child.poll() is not None:
                raise NostroFailed(f"nostro up ended\n{self.log_tail()}")
            if ready():
                return round(time.perf_counter() - self._began, 3)
            time.sleep(0.02)
        raise NostroFailed(f"nostro up is not ready after {START_SECONDS} s\n{self.log_tail()}")

    def _healthy(self) -> bool:
        try:
            return self._ask("GET", "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _paid(self) -> float:
        form = [tuple(pair.split("=")) for pair in payments.BODY.decode().split("&")]
        return self._until(lambda: self._one_payment([(name, value) for name, value in form]))

    def _one_payment(self, form: list[tuple[str, str]]) -> bool:
        try:
            return payments.succeeded(*self.post("/v1/payment_intents", form))
        except (OSError, http.client.HTTPException):
            return False

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ASK_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _rows(printed: str) -> list[dict[str, Any]]:
    """JSON rows, printed as one array, one object, or one object a line."""
    try:
        whole = json.loads(printed)
        return whole if isinstance(whole, list) else [whole]
    except ValueError:
        return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def _said(done: "subprocess.CompletedProcess[str]") -> Any:
    try:
        return json.loads(done.stdout)
    except ValueError:
        return (done.stdout + done.stderr)[-500:]
