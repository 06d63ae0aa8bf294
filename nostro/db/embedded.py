"""Supervises an embedded PostgreSQL: starts it, restarts it when it is killed, stops it in order.

The server is our child, so its process id is known, it is never confused with another, and the
kernel stops it when we are killed. It has a session of its own: Ctrl-C reaches us, and we stop it.

`postmaster.pid` is never deleted. After a `kill -9` the first starts are refused while backends of
the dead server still hold its memory; we ask again, ever more slowly, until PostgreSQL agrees.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, sql

from nostro import durable
from nostro.db import roles
from nostro.db.cluster import Cluster
from nostro.db.directory_lock import DirectoryLock
from nostro.db.durability import assert_durable
from nostro.db.errors import ServerDidNotStart
from nostro.db.server_settings import ADMIN, ServerSettings
from nostro.db.urls import ConnectionUrls, socket_url

DATABASE = "nostro"
POLL_SECONDS = 0.01
FIRST_BACK_OFF_SECONDS = 0.05
LONGEST_BACK_OFF_SECONDS = 2.0
START_SECONDS = 60.0
STOP_SECONDS = 30.0
HARD_STOP_SECONDS = 10.0

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """One PostgreSQL server in one data directory.

    `runtime_directory` (such as XDG_RUNTIME_DIR) is where the socket goes if the data directory's
    path is too long for one. Call `start` from a thread that lives as long as the server should:
    the kernel ties the server to that thread, not to the process.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: ServerSettings | None = None,
        runtime_directory: Path | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._settings = settings or ServerSettings()
        self._runtime = runtime_directory
        self._cluster: Cluster | None = None
        self._lock: DirectoryLock | None = None
        self._process: Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it is down."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def admin_url(self) -> str:
        """The superuser's URL; works for the supervising system account alone."""
        return socket_url(str(self._files.socket), "postgres", ADMIN)

    @property
    def _files(self) -> Cluster:
        if self._cluster is None:
            raise RuntimeError("the server has not been started")
        return self._cluster

    async def start(self) -> ConnectionUrls:
        """Start the server, creating it if there is none, and keep it running.

        Raises `DataDirectoryInUse`, `NoServerAccount`, `DirectoryUnreachable`,
        `ServerDidNotStart` or `UnsafeDurability`; after an error nothing runs.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        lock = DirectoryLock(self._data_dir.resolve() / "lock")
        lock.acquire()
        self._lock = lock
        try:
            urls = await self._start()
        except BaseException:
            await self.stop()
            raise
        self._supervision = asyncio.create_task(self._supervise(), name="embedded PostgreSQL")
        return urls

    async def stop(self) -> None:
        """Stop the server in order: sessions are ended, everything is written, nothing is left."""
        supervision, self._supervision = self._supervision, None
        if supervision is not None:
            supervision.cancel()
            await asyncio.gather(supervision, return_exceptions=True)
        if self.pid is not None:
            await self._stop_server()
        if self._lock is not None:
            self._lock.release()

    async def _start(self) -> ConnectionUrls:
        self._cluster = Cluster(self._data_dir, self._settings, self._runtime)
        await asyncio.to_thread(self._cluster.prepare)
        await self._run_until_ready()
        async with await AsyncConnection.connect(self.admin_url, autocommit=True) as admin:
            await assert_durable(admin)
            return await self._ensure_roles(admin)

    async def _run_until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + START_SECONDS
        back_off = FIRST_BACK_OFF_SECONDS
        while not await self._try_once():
            if loop.time() > give_up:
                raise ServerDidNotStart(f"PostgreSQL keeps refusing:\n{self._files.log_tail()}")
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, LONGEST_BACK_OFF_SECONDS)

    async def _try_once(self) -> bool:
        """Start the server; False if it ended before it was ready.

        A living server is waited for as long as it takes: it may be replaying its log.
        """
        self._process = process = await self._spawn()
        while process.returncode is None:
            if self._is_ready(process.pid):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _spawn(self) -> Process:
        # Interrupt is PostgreSQL's fast shutdown: sessions are ended, then a clean stop.
        command = self._files.command(
            "postgres", "-D", str(self._files.server), death_signal=signal.SIGINT
        )
        output = os.open(self._files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=output, stderr=output, cwd="/",
                start_new_session=True, env={"LC_ALL": "C"},
            )  # fmt: skip
        finally:
            os.close(output)

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self._files.server / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    async def _supervise(self) -> None:
        while True:
            process = self._process
            assert process is not None
            code = await process.wait()
            log.warning("PostgreSQL ended with %s; starting it again.", code)
            await self._restart()

    async def _restart(self) -> None:
        back_off = FIRST_BACK_OFF_SECONDS
        while not await self._try_again():
            log.warning("PostgreSQL refused to start; trying again in %.2f s.", back_off)
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, LONGEST_BACK_OFF_SECONDS)
        log.warning("PostgreSQL is back, process %s.", self.pid)

    async def _try_again(self) -> bool:
        # Neither a full process table nor a full disk may end the supervision.
        try:
            return await self._try_once()
        except OSError as failure:
            log.warning("PostgreSQL could not be run: %s", failure)
            return False

    async def _stop_server(self) -> None:
        process = self._process
        assert process is not None
        for order, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, HARD_STOP_SECONDS)):
            process.send_signal(order)
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
                    return
            except TimeoutError:
                log.warning("PostgreSQL did not stop within %s s of %s.", seconds, order.name)
        process.kill()
        await process.wait()

    async def _ensure_roles(self, admin: AsyncConnection[Any]) -> ConnectionUrls:
        passwords = {
            role: await self._password(admin, role)
            for role in (roles.OWNER, roles.APP, roles.READ_ONLY)
        }
        async with admin.transaction():
            for role, name in zip(passwords, ("owner", "app", "read_only"), strict=True):
                await roles.create(admin, role, passwords[role], roles.STATEMENTS[name])
        await self._ensure_database(admin)
        socket = str(self._files.socket)
        owner, app, read_only = (
            socket_url(socket, DATABASE, role, secret) for role, secret in passwords.items()
        )
        return ConnectionUrls(owner, app, read_only)

    async def _ensure_database(self, admin: AsyncConnection[Any]) -> None:
        found = await admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if await found.fetchone() is None:
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            names = (sql.Identifier(DATABASE), sql.Identifier(roles.OWNER))
            await admin.execute(create.format(*names))
        await roles.admit(admin, DATABASE)

    async def _password(self, admin: AsyncConnection[Any], role: str) -> str:
        """A role's password, drawn on first use from the server's own strong random source."""
        file = self._files.password_file(role)
        if file.exists():
            return file.read_text("utf-8")
        draw = "SELECT translate(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"
        row = await (await admin.execute(draw)).fetchone()
        assert row is not None
        file.parent.mkdir(mode=0o700, exist_ok=True)
        durable.replace(file, str(row[0]).encode())
        return str(row[0])
