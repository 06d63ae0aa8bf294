"""Serves an ASGI application with uvicorn inside this process's own event loop: one process, no supervisor of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
import uvloop

BACKLOG = 1_024
# Less than whoever supervises this waits before it kills.
LAST_ANSWERS_SECONDS = 8
# Requests make many short-lived values and hardly a cycle: look for cycles less often.
GC_THRESHOLDS = (50_000, 20, 20)


class Server(uvicorn.Server):
    """uvicorn's, which ends with exit code 0 when it is asked to stop: a signal asked for is no failure."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Both signals ask to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """Take no more requests, answer those there are, and end."""
        self.should_exit = True


def serve(
    application: Any, connection: type[asyncio.Protocol], door: socket.socket, idle_seconds: int
) -> None:
    """Run on a bound socket until SIGTERM or SIGINT; requests in flight are answered first."""
    uvloop.run(_serve(server(application, connection, idle_seconds), door))


def server(application: Any, connection: type[asyncio.Protocol], idle_seconds: int) -> Server:
    """A server that reads each connection with `connection`, and is silent unless something is wrong."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return Server(
        uvicorn.Config(
            application, http=connection, ws="none", lifespan="on", interface="asgi3", workers=1,
            log_config=None, access_log=False, server_header=False, proxy_headers=False,
            backlog=BACKLOG, timeout_keep_alive=idle_seconds,
            timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
        )
    )  # fmt: skip


async def _serve(running: Server, door: socket.socket) -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    await running.serve([door])
