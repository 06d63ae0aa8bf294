"""A merchant's own server that keeps what is delivered to it, headers and bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.api.acquirer import until


class Delivery(NamedTuple):
    """One POST: the bytes as they came, and the signature."""

    payload: bytes
    signature: str


class Listener:
    """Where it listens and what has come."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/webhooks"
        self.deliveries: list[Delivery] = []

    def wait_for(self, text: str) -> Delivery:
        """The first delivery whose payload holds this text."""
        until(lambda: any(text.encode() in delivery.payload for delivery in self.deliveries))
        return next(d for d in self.deliveries if text.encode() in d.payload)


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            listener.deliveries.append(Delivery(payload, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
