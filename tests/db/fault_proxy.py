"""Stands between the driver and PostgreSQL on a unix socket, and breaks what a network can break.

It reads the wire protocol just enough to know a COMMIT.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.db.commit_messages import CommitMessages

CHUNK = 65_536
READY = b"Z\0\0\0\5I"  # ReadyForQuery, idle


class Cut(Enum):
    """Where the connection is cut."""

    BEFORE = "before"  # COMMIT never reaches the server
    AFTER = "after"  # the server commits, its answer never reaches the driver
    AT_ONCE = "at once"  # the same, hung up on before the server has even begun
    BLACK_HOLE = "black hole"  # COMMIT is swallowed and the connection stays open in silence


class FaultProxy:
    """A server's socket as seen through a bad network. `url` is where to connect."""

    def __init__(self, url: str, directory: Path) -> None:
        parts = conninfo_to_dict(url)
        self._port = str(parts.get("port") or 5432)
        self._server_path = f"{parts['host']}/.s.PGSQL.{self._port}"
        self._directory = directory
        self.url = make_conninfo(url, host=str(directory))
        self.cuts: list[Cut] = []  # one for each COMMIT to come; empty: all is well
        self.commits = 0
        self.refusing = False
        self.drip_bytes: int | None = None
        self._links: set[_Link] = set()
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        path = str(self._directory / f".s.PGSQL.{self._port}")
        self._listener = await asyncio.start_unix_server(self._serve, path)

    async def stop(self) -> None:
        self.cut_all()
        if self._listener is not None:
            self._listener.close()

    def cut_all(self) -> None:
        """Cut every connection now."""
        for link in list(self._links):
            link.cut()

    @property
    def connections(self) -> int:
        return len(self._links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.close()
            return
        server = await asyncio.open_unix_connection(self._server_path)
        link = _Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.run()
        finally:
            link.cut()
            self._links.discard(link)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One connection of a driver and its counterpart to the server."""

    def __init__(self, proxy: FaultProxy, driver: Stream, server: Stream) -> None:
        self._proxy = proxy
        self._from_driver, self._to_driver = driver
        self._from_server, self._to_server = server
        self._commits = CommitMessages()
        self._silent = False
        self._ready = asyncio.Event()

    def cut(self) -> None:
        self._to_driver.transport.abort()
        self._to_server.transport.abort()

    async def run(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            back = asyncio.create_task(self._answers())
            try:
                await self._requests()
            finally:
                back.cancel()

    async def _requests(self) -> None:
        length = await self._from_driver.readexactly(4)
        await self._forward(length + await self._body(length))  # the startup message has no type
        while True:
            kind = await self._from_driver.readexactly(1)
            length = await self._from_driver.readexactly(4)
            body = await self._body(length)
            if self._commits.is_one(kind, body):
                self._proxy.commits += 1
                if self._proxy.cuts:
                    return await self._break(self._proxy.cuts.pop(0), kind + length + body)
            await self._forward(kind + length + body)

    async def _body(self, length: bytes) -> bytes:
        return await self._from_driver.readexactly(int.from_bytes(length, "big") - 4)

    async def _break(self, cut: Cut, message: bytes) -> None:
        if cut is Cut.BLACK_HOLE:
            await asyncio.sleep(60)
        self._silent = True
        if cut is Cut.BEFORE:
            return
        await self._forward(message)
        kind = b""
        while kind != b"S":  # up to the synchronisation point the server has to get all
            kind = await self._from_driver.readexactly(1)
            length = await self._from_driver.readexactly(4)
            await self._forward(kind + length + await self._body(length))
        if cut is Cut.AFTER:
            await self._ready.wait()

    async def _forward(self, data: bytes) -> None:
        await self._pass_on(self._to_server, data)

    async def _answers(self) -> None:
        with suppress(OSError):
            while data := await self._from_server.read(CHUNK):
                if not self._silent:
                    await self._pass_on(self._to_driver, data)
                elif data.endswith(READY):
                    self._ready.set()
            self._to_driver.close()

    async def _pass_on(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        step = self._proxy.drip_bytes or len(data)
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await writer.drain()
            await asyncio.sleep(0)


@asynccontextmanager
async def fault_proxy(url: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of the server of `url`."""
    directory = Path(tempfile.mkdtemp(prefix="fault-"))
    proxy = FaultProxy(url, directory)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        shutil.rmtree(directory)
