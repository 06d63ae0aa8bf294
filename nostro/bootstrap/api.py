"""The API of one process."""

from __future__ import annotations

import asyncio

from nostro.api.app import Application, build
from nostro.api.http.connection import Connection
from nostro.api.http.limits import IDLE_SECONDS
from nostro.api.v1 import operations
from nostro.bootstrap.app_url import app_url
from nostro.bootstrap.graph import graph
from nostro.bootstrap.secret_files import kept_secret
from nostro.cli.ports import door
from nostro.cli.serve import serve
from nostro.config import Settings


def application(settings: Settings, url: str) -> Application:
    """The ASGI application, whose graph lives as long as the server."""
    return build(lambda: graph(settings, url, "api"), operations())


def run(settings: Settings) -> None:
    """Serve until asked to stop. Raises Misconfigured if the port is another's or `api.key` is missing."""
    kept_secret(settings.data_dir / "api.key")
    listening = door("--port", settings.host, settings.port)
    serving = application(settings, asyncio.run(app_url(settings)))
    serve(serving, Connection, listening, IDLE_SECONDS)
