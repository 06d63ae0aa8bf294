"""The program: one process, one event loop, one book; listens on 127.0.0.1 only."""

import asyncio
import errno
import fcntl
import resource
import signal
import sqlite3
from pathlib import Path
from typing import IO

import uvloop

from sandbox.book import Book, Reader
from sandbox.connections import Connection
from sandbox.identity import Identity, load_identity
from sandbox.journal import journal
from sandbox.manners import HONOURS, Manner
from sandbox.notices import Notices, Notify
from sandbox.service import Service
from sandbox.writer import Writer

HOST = "127.0.0.1"
REFUND_DELAY_MS = 1_000
_BACKLOG = 4_096
_GRACE_S = 5.0


class CannotStart(Exception):
    """A reason, in one sentence, why the sandbox cannot start."""


def run(
    port: int,
    data_dir: str | Path,
    refund_delay_ms: int = REFUND_DELAY_MS,
    manner: Manner = HONOURS,
    notify: Notify | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Port 0 takes a free one; the first log line says which.

    Raises `CannotStart` if the port or the data directory is in use.
    """
    if manner.notifies and notify is None:
        raise CannotStart(f"An acquirer that {manner.name} needs --notify-url.")
    _allow_many_sockets()
    directory = Path(data_dir)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(directory):
        uvloop.run(_Sandbox(port, directory, refund_delay_ms, manner, notify).serve())


class _Sandbox:
    """The listening socket and what stands behind it."""

    def __init__(
        self,
        port: int,
        directory: Path,
        refund_delay_ms: int,
        manner: Manner,
        notify: Notify | None,
    ) -> None:
        self._manner, self._notify = manner, notify
        self._port, self._directory, self._refund_delay_ms = port, directory, refund_delay_ms
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._resuming: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        identity = load_identity(self._directory / "identity.json")
        path = self._directory / "book.sqlite3"
        book = self._open(path)
        writer = Writer(book, identity)
        notices = self._notices(book, identity)
        self._service = Service(writer, Reader(path), identity, self._refuse, self._manner, notices)
        await self._listen()
        journal(
            "started",
            host=HOST,
            port=self._port,
            data_dir=str(self._directory),
            operations=book.last_seq,
            manner=self._manner.name,
        )
        await stop.wait()
        if notices is not None:
            await notices.close()
        await self._stop(writer)

    def _notices(self, book: Book, identity: Identity) -> Notices | None:
        if self._notify is None or not self._manner.notifies:
            return None
        return Notices(book, identity, self._notify)

    def _open(self, path: Path) -> Book:
        try:
            return Book(path, self._refund_delay_ms, self._manner)
        except sqlite3.IntegrityError as error:
            reason = f"{path} has references that were used twice: its acquirer forgets them."
            raise CannotStart(reason) from error

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self._service.handle, self._connections),
                HOST,
                self._port,
                backlog=_BACKLOG,
                reuse_address=True,
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CannotStart(f"Port {self._port} on {HOST} is already in use.") from error
        self._port = self._server.sockets[0].getsockname()[1]

    def _refuse(self, delay_ms: int) -> None:
        """Stop listening for a while and drop idle connections: connecting is refused."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in list(self._connections):
            connection.close_when_idle()
        self._resuming = asyncio.ensure_future(self._listen_after(delay_ms / 1000))

    async def _listen_after(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        while self._server is None:
            try:
                await self._listen()
            except CannotStart:
                await asyncio.sleep(0.05)

    async def _stop(self, writer: Writer) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        await self._finish_replies()
        await writer.close()
        self._service.close()
        writer.book.close()
        journal("stopped")

    async def _finish_replies(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _GRACE_S
        while self._connections and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()


def _locked(directory: Path) -> IO[bytes]:
    """Hold the directory for this process alone; the lock ends with the process."""
    file = open(directory / "lock", "wb")  # noqa: SIM115 - the caller closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CannotStart(f"Another sandbox is using {directory}.") from error
    return file


def _allow_many_sockets() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
