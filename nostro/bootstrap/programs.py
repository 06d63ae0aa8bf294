"""What the commands of `nostro` run."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import uvloop

from nostro.api.app import Application, build
from nostro.api.v1 import operations
from nostro.bootstrap import administration, demonstration
from nostro.bootstrap.graph import graph, secret_file
from nostro.bootstrap.worker import Work
from nostro.cli import app as commands
from nostro.cli import doctor, instance
from nostro.cli.programs import NewKeys, give, print_json
from nostro.cli.serve import serve
from nostro.cli.up import keep_up
from nostro.config import Settings, child_environment
from nostro.db import roles
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.migrate import migrate
from nostro.db.pool import Pool
from nostro.db.server_settings import ServerSettings
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.ledger.books import open_book
from nostro.merchants.model import LIVE_BOOK, TEST_BOOK, KeyFacts
from nostro.merchants.service import Merchants
from nostro.system import SystemClock, SystemEntropy

FIRST_ACCOUNT = "acct_1Nostro"
# The worker yields to the API: a webhook can wait, a payment should not.
WORKER_NICENESS = 5


def application(settings: Settings, app_url: str) -> Application:
    """The ASGI application, whose graph lives as long as the server."""
    return build(lambda: graph(settings, app_url, "api"), operations())


class Programs:
    """What the commands of `nostro` run."""

    def up(self, settings: Settings, as_json: bool) -> int:
        """Everything on this machine."""
        asyncio.run(_up(settings, as_json))
        return 0

    def api(self, settings: Settings, as_json: bool) -> int:
        """The API alone."""
        app_url = asyncio.run(_app_url(settings))
        if as_json:
            print_json({"program": "api", "url": f"http://{settings.host}:{settings.port}"})
        serve(application(settings, app_url), settings.host, settings.port)
        return 0

    def worker(self, settings: Settings, as_json: bool) -> int:
        """The worker alone."""
        os.nice(WORKER_NICENESS)
        app_url = asyncio.run(_app_url(settings))
        if as_json:
            print_json({"program": "worker"})
        uvloop.run(_work(settings, app_url))
        return 0

    def create_keys(self, settings: Settings, wanted: NewKeys) -> list[tuple[str, Secret]]:
        """Accounts with their keys."""
        return uvloop.run(administration.create_keys(settings, wanted))

    def list_keys(self, settings: Settings, account: str | None) -> list[KeyFacts]:
        """What may be shown of keys."""
        return uvloop.run(administration.list_keys(settings, account))

    def revoke_key(self, settings: Settings, key: Secret) -> bool:
        """Revoke a key."""
        return uvloop.run(administration.revoke_key(settings, key))

    def top_up(self, settings: Settings, account: str, amount: int, currency: str) -> str:
        """Credit a test account."""
        return uvloop.run(administration.top_up(settings, account, amount, currency))

    def verify(
        self, settings: Settings, books: list[int], with_acquirer: bool, as_json: bool
    ) -> int:
        """Do the books agree?"""
        return uvloop.run(administration.verify(settings, books, with_acquirer, as_json))

    def demo(self, settings: Settings, as_json: bool) -> int:
        """Show the whole story."""
        return uvloop.run(demonstration.demo(settings, as_json))

    def doctor(self, settings: Settings, as_json: bool) -> int:
        """Is this installation well?"""
        running = administration.sandbox_url(settings)
        return uvloop.run(doctor.run(settings, running, as_json))


async def _work(settings: Settings, app_url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with graph(settings, app_url, "worker") as found:
        await Work(found, settings).run(stop)


async def _up(settings: Settings, as_json: bool) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    generation = Mint(entropy.bytes(16), 0, clock.system()).new("up")
    settings = msgspec.structs.replace(settings, generation=generation)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.database_url is not None:
        urls = await roles.ensure(settings.database_url.reveal())
        await _prepare_and_keep_up(settings, urls, as_json)
        return
    server = EmbeddedPostgres(
        settings.data_dir / "postgres",
        ServerSettings(shared_buffers=f"{settings.shared_buffers_mb}MB"),
    )
    urls = await server.start()
    try:
        await _prepare_and_keep_up(settings, urls, as_json)
    finally:
        await server.stop()


async def _prepare_and_keep_up(settings: Settings, urls: ConnectionUrls, as_json: bool) -> None:
    await migrate(urls.owner)
    key = await _first_account(settings, urls.app)
    environment = child_environment(
        msgspec.structs.replace(settings, app_url=Secret(urls.app), secret_key=None)
    )
    instance.announce(settings)
    try:
        await keep_up(settings, environment, key.reveal(), as_json)
    finally:
        instance.withdraw(settings)


async def _app_url(settings: Settings) -> str:
    if settings.app_url is not None:
        return settings.app_url.reveal()
    if settings.database_url is None:
        raise Misconfigured("give --database-url, or run `nostro up`, which has its own database")
    urls = await roles.ensure(settings.database_url.reveal())
    await migrate(urls.owner)
    return urls.app


async def _first_account(settings: Settings, app_url: str) -> Secret:
    """The books, the first account and its key. Idempotent; a key once made is kept in a file (0600)."""
    clock, entropy = SystemClock(), SystemEntropy()
    pool = Pool(app_url)
    try:
        merchants = Merchants(
            pool, secret_file(settings.data_dir / "api.key", entropy), clock, entropy
        )
        for book, live, name in ((TEST_BOOK, False, "test"), (LIVE_BOOK, True, "live")):
            await merchants.open_book(book, live, name)
            await open_book(pool, book)
        fee = FeeSchedule(settings.fee_basis_points, settings.fee_fixed)
        await merchants.create_account("First account", account=FIRST_ACCOUNT, fee=fee)
        await merchants.set_fee(FIRST_ACCOUNT, fee)
        key = settings.secret_key or _kept_key(settings.data_dir / "secret.key", entropy)
        return await merchants.create_key(FIRST_ACCOUNT, False, key)
    finally:
        await pool.close()


def _kept_key(path: Path, entropy: SystemEntropy) -> Secret:
    return Secret("sk_test_" + secret_file(path, entropy).reveal()[:32])


def main() -> None:
    """The program `nostro`."""
    give(Programs())
    commands.app()
