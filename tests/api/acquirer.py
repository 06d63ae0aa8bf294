"""The sandbox acquirer of a test's server: its book, which judges, and its faults."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.server import Server


class Acquirer:
    """What the acquirer did, and how it shall fail."""

    def __init__(self, server: Server) -> None:
        self._url = server.sandbox_url

    def since(self, mark: int) -> list[dict[str, Any]]:
        """The operations after a mark, in the order in which they were done."""
        page = self._ask("GET", f"/v1/book?after={mark}&limit=10000")
        found: list[dict[str, Any]] = page["operations"]
        return found

    def mark(self) -> int:
        """The number of the last operation."""
        return int(self._ask("GET", "/health")["operations"])

    @contextmanager
    def failing(self, fault: str, operation: str, **rule: Any) -> Iterator[None]:
        """Fail so for as long as the block runs."""
        self._ask("POST", "/control/faults", {"fault": fault, "operation": operation, **rule})
        try:
            yield
        finally:
            self._ask("DELETE", "/control/faults")

    def refuse_connections(self, milliseconds: int) -> None:
        """Listen to nobody for a while."""
        rule = {"fault": "refuse", "operation": "*", "rate": 1, "delay_ms": milliseconds}
        self._ask("POST", "/control/faults", rule)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps({"rate": 1, **body}).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that the worker does in its own time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
