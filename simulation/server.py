"""A real PostgreSQL for tests: one server per session, one fresh database per test.

A fresh database is a copy of a template in which the migrations have run once.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from nostro.db import roles
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.migrate import MIGRATIONS, migrate_blocking
from nostro.db.server_settings import ServerSettings
from nostro.db.urls import ConnectionUrls, with_database

Result = TypeVar("Result")


class LoopThread:
    """An event loop in a thread of its own, since the server lives as long as its thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class TestServer:
    """The session's server: makes databases and drops them."""

    __test__ = False

    urls: ConnectionUrls
    admin_url: str
    _numbers: Iterator[int]
    _templates: dict[Path, str]

    def create(self, migrations: Path = MIGRATIONS) -> ConnectionUrls:
        """A fresh database with `migrations` applied, and its URLs."""
        return self._new(template=self._template(migrations))

    def create_empty(self) -> ConnectionUrls:
        """A fresh database in which no migration has run."""
        return self._new(template="template0")

    def copy(self, urls: ConnectionUrls) -> ConnectionUrls:
        """Another database with what one holds now; nobody may be connected to that one."""
        return self._new(template=str(psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"]))

    def drop(self, urls: ConnectionUrls) -> None:
        """Drop a database whatever is still connected to it."""
        name = psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"]
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name)))
        self._as_admin(drop)

    def _template(self, migrations: Path) -> str:
        if migrations not in self._templates:
            urls = self._new(template="template0")
            migrate_blocking(urls.owner, migrations)
            name = psycopg.conninfo.conninfo_to_dict(urls.app)["dbname"]
            self._templates[migrations] = str(name)
        return self._templates[migrations]

    def _new(self, template: str) -> ConnectionUrls:
        name = f"test_{next(self._numbers)}"
        # Copying files is twice as fast here as writing each page to the log.
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY")
        parts = (name, template, roles.OWNER)
        self._as_admin(create.format(*(sql.Identifier(part) for part in parts)))
        owner, app, read_only = (
            with_database(url, name)
            for url in (self.urls.owner, self.urls.app, self.urls.read_only)
        )
        return ConnectionUrls(owner, app, read_only)

    def _as_admin(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


MEMORY = Path("/dev/shm")
ROOM_BYTES = 2_000_000_000


def _fast_directory() -> Path | None:
    """Memory, if there is enough: fsync stays on, as everywhere, and costs nothing there."""
    enough = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    return MEMORY if enough and os.access(MEMORY, os.W_OK) else None


@contextmanager
def running_server() -> Iterator[TestServer]:
    """A server in a temporary directory; stopped and removed at the end."""
    data = Path(tempfile.mkdtemp(prefix="nostro-test-", dir=_fast_directory()))
    loop = LoopThread()
    server = EmbeddedPostgres(data, ServerSettings(shared_buffers="64MB", max_connections=100))
    try:
        urls = loop.run(server.start())
        yield TestServer(urls, server.admin_url, itertools.count(1), {})
    finally:
        loop.run(server.stop())
        loop.close()
        shutil.rmtree(data)
