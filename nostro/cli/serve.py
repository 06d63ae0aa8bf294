"""Serves an ASGI application with Granian inside this process's own event loop: one process, no supervisor of its own."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

BACKLOG = 1_024
# Requests make many short-lived values and hardly a cycle: look for cycles less often.
GC_THRESHOLDS = (50_000, 20, 20)


def serve(application: Any, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT; requests in flight are answered first."""
    uvloop.run(_serve(application, host, port))


async def _serve(application: Any, host: str, port: int) -> None:
    logging.getLogger("_granian").setLevel(logging.ERROR)
    server = Server(
        application, address=host, port=port, interface=Interfaces.ASGI, http=HTTPModes.http1,
        websockets=False, backlog=BACKLOG, log_enabled=False, log_level=LogLevels.error,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=131_072),
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
