"""The webhook endpoint of the run: registers it, and says how far deliveries are behind."""

import http.client
import json
import subprocess
import sys
import time
from typing import Any

from bench import stopping
from bench.instance import Instance, NostroFailed

ASK_SECONDS = 5.0
STALL_SECONDS = 5.0
EVENT = "payment_intent.succeeded"


class Webhooks:
    """The counting receiver, and what it should have counted by now."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "bench.receiver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        self.port = int(self._child.stdout.readline())
        self.expected = 0
        self.lags: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        """The receiver's process id."""
        return self._child.pid

    def register(self, instance: Instance) -> None:
        """Have the instance's merchant told of every payment. Raises NostroFailed."""
        url = f"http://127.0.0.1:{self.port}/webhooks"
        form = [("url", url), ("enabled_events[]", EVENT)]
        status, body = instance.post("/v1/webhook_endpoints", form)
        if status != 200:
            raise NostroFailed(f"no webhook endpoint: {status} {body[:300]!r}")

    def counts(self) -> dict[str, int]:
        """Deliveries and distinct events so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_SECONDS)
        try:
            connection.request("GET", "/")
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return {str(name): int(value) for name, value in found.items()}

    def undelivered(self) -> int:
        """Payments answered whose event has not arrived."""
        return max(0, self.expected - self.counts()["events"])

    def drain(self, phase: str, seconds: float) -> None:
        """Note the lag at the end of `phase`, then wait until it is gone: at most `seconds`, and
        only while deliveries keep coming."""
        began, behind = time.perf_counter(), self.undelivered()
        left, moved = behind, began
        while left and time.perf_counter() < min(began + seconds, moved + STALL_SECONDS):
            time.sleep(0.05)
            now_left = self.undelivered()
            moved = time.perf_counter() if now_left < left else moved
            left = now_left
        taken = round(time.perf_counter() - began, 2) if not left else None
        row = {"undelivered": behind, "drained_after_seconds": taken, "left": left}
        self.lags.append({"phase": phase, **row})

    def as_json(self) -> dict[str, Any]:
        """The lag after each phase, and the totals."""
        totals = {"expected_events": self.expected, **self.counts()}
        return {"event": EVENT, **totals, "lag_after": self.lags}

    def stop(self) -> None:
        """Stop the receiver."""
        stopping.stop(self._child, orderly_seconds=5.0)
