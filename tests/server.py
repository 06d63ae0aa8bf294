"""A whole Nostro for tests: `nostro up` on a data directory of its own, reached as a user reaches it.

with Server.start() as server:
    client = stripe.StripeClient(server.secret_key, base_addresses={"api": server.url})
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ASK_SECONDS = 30.0
_PORTS = range(15_000, 32_000)  # Linux takes those of outgoing connections from 32,768 on
MANNERS_MAX = 3  # sandboxes that one `nostro up` of a test runs, on ports in a row


class Response(NamedTuple):
    """What the API answered. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.raw)


class ServerFailed(Exception):
    """It ended or did not answer in time; the message has what it printed last."""


def free_port(in_a_row: int = 1) -> int:
    """A port of the loopback that was free a moment ago, or the first of some in a row.

    None that the system gives to outgoing connections by itself: one of those may take it before it is listened on.
    """
    while True:
        first = secrets.choice(_PORTS)
        if all(map(_is_free, range(first, first + in_a_row))):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class Server:
    """One `nostro up` with its own ports, secret key and data."""

    def __init__(self, directory: Path, options: tuple[str, ...]) -> None:
        self.directory, self.data_dir = directory, directory / "data"
        self.port = free_port(1 + MANNERS_MAX)
        self.sandbox_port = self.port + 1
        self.secret_key = f"sk_test_{secrets.token_hex(16)}"
        self.url = f"http://{HOST}:{self.port}"
        self.sandbox_url = f"http://{HOST}:{self.sandbox_port}"
        self._log_path = directory / "nostro.log"
        self._log = self._log_path.open("w")
        self._options = options
        self._process = self._launch()

    @classmethod
    def start(cls, *options: str) -> Self:
        """Start it, with more options for `nostro up` if wanted, and wait until it answers `/health`."""
        server = cls(Path(tempfile.mkdtemp(prefix="nostro-test-")), options)
        try:
            server._wait_until_healthy()
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def pid(self) -> int:
        """The process id of `nostro up`."""
        return self._process.pid

    def wait(self, seconds: float) -> int:
        """The exit code of `nostro up`, once it has ended by itself."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """Stop it and all it started, and remove its data. May be called more than once."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def get(self, path: str, query: str = "", **headers: str) -> Response:
        """GET with the secret key; `query` is as it goes over the wire."""
        return self.ask("GET", f"{path}?{query}" if query else path, b"", headers)

    def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> Response:
        """POST a form, whose names are written with their brackets: `{"card[number]": "4242…"}`.

        `idempotency_key="…"` and other headers are given with underscores.
        """
        return self.ask("POST", path, urlencode(form or {}, doseq=True).encode(), headers)

    def delete(self, path: str, **headers: str) -> Response:
        """DELETE with the secret key."""
        return self.ask("DELETE", path, b"", headers)

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """One request on a connection of its own. An `authorization` given replaces the key."""
        basic = b64encode(f"{self.secret_key}:".encode()).decode()
        sent = {"Authorization": f"Basic {basic}"}
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent.update((name.replace("_", "-").title(), value) for name, value in headers.items())
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ASK_SECONDS)
        try:
            connection.request(method, path, body or None, sent)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, got, answer.read())
        finally:
            connection.close()

    def log(self, lines: int = 40) -> str:
        """What it printed last."""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "nostro", "up", "--data-dir", str(self.data_dir),
            "--port", str(self.port), "--sandbox-port", str(self.sandbox_port),
            "--secret-key", self.secret_key, *self._options,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def _wait_until_healthy(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            if self._is_healthy() and self._sandbox_listens():
                return
            time.sleep(0.05)
        raise ServerFailed(f"nostro up does not answer:\n{self.log()}")

    def _is_healthy(self) -> bool:
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def _sandbox_listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.sandbox_port), 1).close()
        except OSError:
            return False
        return True
