"""The three wires of a run: clients to API, API and worker to the acquirer, API and worker to PostgreSQL."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import Any

from nostro.conformance.proxy import ProxyThread
from nostro.db.cluster import SOCKET_NAME
from nostro.db.running import socket_directory
from tests.chaos.speech import Http, Postgres
from tests.chaos.stack import Stack
from tests.chaos.up import DATABASE
from tests.chaos.wire import OF_ALL, OF_COMMITS, Stream, Wire
from tests.server import free_port


class Wires:
    """Before a stack that is not started yet. They work in a thread of their own, and outlive every kill."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack = stack
        self._closing = contextlib.ExitStack()
        self._thread = self._closing.enter_context(ProxyThread())
        self._directory = Path(tempfile.mkdtemp(prefix="wire-"))
        self._closing.callback(rmtree, self._directory)
        self._all = (
            Wire("clients", self._api, Http, 0.5, f"{seed}"),
            Wire("acquirer", self._acquirer, Http, 0.5, f"{seed}"),
            # Where a book waits for its lock, everybody waits.
            Wire("database", self._database, Postgres, 0.1, f"{seed}"),
        )

    def open(self) -> None:
        """Begin to listen, and tell the stack where."""
        clients, acquirer = free_port(), free_port()
        asyncio.run(self._thread.run(self._listen(clients, acquirer)))
        self._stack.client_urls = [f"http://127.0.0.1:{clients}"]
        self._stack.children["NOSTRO_SANDBOX_URL"] = f"http://127.0.0.1:{acquirer}"
        self._stack.children[DATABASE] = str(self._directory)

    def spoil(self, rate: float) -> None:
        """Each kind of fault on each wire: this share of the messages, of the COMMITs where it is about those."""
        rates = dict.fromkeys((*OF_COMMITS, *OF_ALL), rate)
        for wire in self._all:
            wire.spoil(rates)

    def heal(self) -> None:
        """No more faults."""
        for wire in self._all:
            wire.heal()

    def close(self) -> None:
        """Hang up on everybody, and end."""
        asyncio.run(self._thread.run(self._close()))
        self._closing.close()

    def figures(self) -> dict[str, dict[str, Any]]:
        """What went over each wire, and what was done to it."""
        return {
            wire.name: {
                "messages": wire.messages,
                **({"commits": wire.commits} if wire.commits else {}),
                "faults": {str(fault): count for fault, count in sorted(wire.faults.items())},
            }
            for wire in self._all
        }

    async def _listen(self, clients: int, acquirer: int) -> None:
        await self._all[0].listen_at(clients)
        await self._all[1].listen_at(acquirer)
        await self._all[2].listen_on(str(self._directory / SOCKET_NAME))

    async def _close(self) -> None:
        for wire in self._all:
            await wire.close()

    async def _api(self) -> Stream:
        return await asyncio.open_connection("127.0.0.1", self._stack.port)

    async def _acquirer(self) -> Stream:
        return await asyncio.open_connection("127.0.0.1", self._stack.sandbox_port)

    async def _database(self) -> Stream:
        found = socket_directory(self._stack.data_dir / "postgres")
        if found is None:
            raise ConnectionRefusedError("no database is there")
        return await asyncio.open_unix_connection(str(found / SOCKET_NAME), limit=2**20)
