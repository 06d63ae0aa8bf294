"""The API of one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nostro.acquirers.places import places
from nostro.api.app import Application, build
from nostro.api.http.connection import Connection
from nostro.api.http.limits import IDLE_SECONDS
from nostro.api.v1 import operations
from nostro.bootstrap.app_url import app_url
from nostro.bootstrap.graph import Graph, graph
from nostro.bootstrap.secret_files import kept_secret
from nostro.cli.ports import door
from nostro.cli.serve import serve
from nostro.config import Settings
from nostro.kernel.errors import Misconfigured
from nostro.routing.file import rules_from


def application(settings: Settings, url: str, mistakes: list[Misconfigured]) -> Application:
    """The ASGI application, whose graph lives as long as the server. What kept it from opening is among the `mistakes`."""
    return build(lambda: _opened(settings, url, mistakes), operations())


def run(settings: Settings) -> None:
    """Serve until asked to stop. Raises Misconfigured: the port is another's, `api.key` is missing, a rule is a mistake, …"""
    rules_from(settings.routing, [place.name for place in places(settings)])
    kept_secret(settings.data_dir / "api.key")
    listening = door("--port", settings.host, settings.port)
    mistakes: list[Misconfigured] = []
    serving = application(settings, asyncio.run(app_url(settings)), mistakes)
    # A mistake is one sentence: the server would tell it with a traceback, and end with a code of its own.
    logging.getLogger("uvicorn.error").addFilter(lambda _: not mistakes)
    try:
        serve(serving, Connection, listening, IDLE_SECONDS)
    except SystemExit:
        if mistakes:
            raise mistakes[0] from None
        raise


@asynccontextmanager
async def _opened(
    settings: Settings, url: str, mistakes: list[Misconfigured]
) -> AsyncIterator[Graph]:
    try:
        async with graph(settings, url, "api") as found:
            yield found
    except Misconfigured as mistake:
        mistakes.append(mistake)
        raise
