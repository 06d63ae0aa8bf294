"""A real sandbox process and a real socket to it, for tests."""

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 10.0
_numbers = itertools.count(1)


def new_reference(prefix: str = "ref") -> str:
    return f"{prefix}_{os.getpid()}_{next(_numbers)}"


def card(number: str = "4242424242424242", **changes: Any) -> dict[str, Any]:
    return {"number": number, "exp_month": 12, "exp_year": 2049, "cvc": "123"} | changes


def authorize_body(number: str = "4242424242424242", **changes: Any) -> dict[str, Any]:
    return {
        "reference": new_reference("auth"),
        "amount": 2000,
        "currency": "usd",
        "card": card(number),
        "capture": False,
        "merchant": "acct_1",
    } | changes


class SandboxProcess:
    """`python -m sandbox` on a free port; restartable on the same directory."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory, self.options = directory, options
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--data-dir"]
        self.process = subprocess.Popen(
            [*command, str(self.directory), *self.options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.started = json.loads(self.process.stdout.readline())
        self.port: int = self.started["port"]

    def kill(self) -> None:
        self.process.kill()
        self._reap()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        status, data = self.call_raw(method, path, body)
        return status, json.loads(data)

    def call_raw(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post(self, operation: str, **body: Any) -> tuple[int, Any]:
        return self.call("POST", f"/v1/{operation}", body)

    def approve(self, operation: str, **body: Any) -> Any:
        status, answer = self.post(operation, **body)
        assert (status, answer["outcome"]) == (200, "approved"), answer
        return answer

    def authorized(self, number: str = "4242424242424242", **changes: Any) -> str:
        """Authorize and give the reference."""
        reference: str = self.approve("authorize", **authorize_body(number, **changes))["reference"]
        return reference

    def approve_cancel(self, reference: str) -> Any:
        answer = self.approve("cancel", reference=reference)
        assert answer["cancelled"] is True
        return answer

    def inquire(self, reference: str) -> tuple[int, Any]:
        return self.call("GET", f"/v1/operations/{reference}")

    def fault(self, **rule: Any) -> Any:
        status, answer = self.call("POST", "/control/faults", rule)
        assert status == 200, answer
        return answer

    def book(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        after, has_more = 0, True
        while has_more:
            page = self.call("GET", f"/v1/book?after={after}&limit=500")[1]
            lines += page["operations"]
            after, has_more = page["next_after"], page["has_more"]
        return lines


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something becomes true; fail if it does not."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)
