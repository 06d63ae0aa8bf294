"""The registry of merchants of a running server, opened beside it: more merchants, keys that end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nostro.bootstrap.graph import secret_file
from nostro.db import roles
from nostro.db.cluster import Cluster
from nostro.db.embedded import DATABASE
from nostro.db.pool import Pool
from nostro.db.server_settings import ServerSettings
from nostro.db.urls import socket_url
from nostro.kernel.secret import Secret
from nostro.merchants.service import Merchants
from nostro.system import SystemClock, SystemEntropy
from tests.server import Server

R = TypeVar("R")


def new_merchant(server: Server, name: str) -> str:
    """The secret key of a merchant that did not exist before."""

    async def make(merchants: Merchants) -> str:
        account = await merchants.create_account(name)
        return (await merchants.create_key(account.account, False)).reveal()

    return _with_registry(server, make)


def revoke(server: Server, key: str) -> None:
    """End a key."""

    async def end(merchants: Merchants) -> bool:
        return await merchants.revoke(Secret(key))

    assert _with_registry(server, end)


def saved_under(server: Server, key: str) -> list[str]:
    """The answers that are saved under an idempotency key, as they lie in the database."""

    async def read() -> list[str]:
        pool = Pool(_app_url(server))
        try:
            rows = await pool.fetch(
                "SELECT answer FROM idempotency_keys WHERE id LIKE $1", f"%/{key}"
            )
            return [row[0] for row in rows]
        finally:
            await pool.close()

    return asyncio.run(read())


def _with_registry(server: Server, use: Callable[[Merchants], Awaitable[R]]) -> R:
    async def run() -> R:
        pool = Pool(_app_url(server))
        entropy = SystemEntropy()
        secret = secret_file(server.data_dir / "api.key", entropy)
        try:
            return await use(Merchants(pool, secret, SystemClock(), entropy))
        finally:
            await pool.close()

    return asyncio.run(run())


def _app_url(server: Server) -> str:
    cluster = Cluster(server.data_dir / "postgres", ServerSettings(), None)
    password = cluster.password_file(roles.APP).read_text()
    return socket_url(str(cluster.socket), DATABASE, roles.APP, password)
