"""The only place that knows every room: builds the object graph by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.api.app import Application, build
from nostro.api.fingerprint import RequestFingerprint
from nostro.api.services import Services
from nostro.api.v1 import operations
from nostro.cli import app as commands
from nostro.cli.serve import serve
from nostro.cli.up import keep_up
from nostro.config import Settings, child_environment
from nostro.db import roles
from nostro.db.committer import Committer
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.migrate import migrate
from nostro.db.pool import Pool
from nostro.db.revocations import listen
from nostro.db.server_settings import ServerSettings
from nostro.db.session import Session
from nostro.db.urls import ConnectionUrls
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.ledger.store import QUERIES as ledger_queries
from nostro.merchants.model import LIVE_BOOK, TEST_BOOK
from nostro.merchants.service import Merchants
from nostro.payments.service import Payments
from nostro.system import SystemClock, SystemEntropy
from nostro.vault.key_file import open_key_file
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import Vault
from nostro.vault.service import CardVault, today

FIRST_ACCOUNT = "acct_1Nostro"


class Deciders:
    """One committer per book, made when the book is first asked for."""

    def __init__(self, url: str, clock: SystemClock, entropy: SystemEntropy) -> None:
        self._url, self._clock, self._entropy = url, clock, entropy
        self._committers: dict[int, Committer] = {}

    def __call__(self, book: int) -> Committer:
        committer = self._committers.get(book)
        if committer is None:
            committer = Committer(book, self._connect, self._clock, self._entropy)
            self._committers[book] = committer
        return committer

    async def close(self) -> None:
        """Stop every committer."""
        for committer in self._committers.values():
            await committer.close()

    async def _connect(self) -> Session:
        return await Session.open(self._url)


class Graph(msgspec.Struct):
    """Everything a process of ours works with."""

    services: Services
    deciders: Deciders
    pool: Pool
    acquirer: SandboxAcquirer
    instance: str


@asynccontextmanager
async def graph(settings: Settings, app_url: str, role: str) -> AsyncIterator[Graph]:
    """The object graph of one process, opened and closed in order."""
    clock, entropy = SystemClock(), SystemEntropy()
    pool, deciders = Pool(app_url), Deciders(app_url, clock, entropy)
    keyring = open_key_file(settings.data_dir / "vault.keys", entropy)
    vault = Vault(keyring, entropy)
    cards = CardVault(vault, PresealedCards(vault, today(clock)), pool, clock, entropy)
    await cards.open_for_business(pool)
    secret = secret_file(settings.data_dir / "api.key", entropy)
    acquirer = SandboxAcquirer(settings.acquirer_url, clock)
    instance = Mint(entropy.bytes(16), 0, clock.system()).new(role)
    payments = Payments(
        deciders, pool, {acquirer.name: acquirer}, cards, clock, entropy, instance
    )
    merchants = Merchants(pool, secret, clock, entropy)
    services = Services(
        clock=clock, entropy=entropy, reader=pool, decider=deciders, merchants=merchants,
        cards=cards, fingerprint=RequestFingerprint(secret, vault), payments=payments,
    )  # fmt: skip
    listener = asyncio.create_task(listen(app_url, merchants))
    try:
        yield Graph(services, deciders, pool, acquirer, instance)
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        await acquirer.close()
        await deciders.close()
        await pool.close()


def secret_file(path: Path, entropy: SystemEntropy) -> Secret:
    """A key of 32 bytes in a file of its own (0600), made at first use."""
    if not path.exists():
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(entropy.bytes(32).hex())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(beside)
    return Secret(path.read_text().strip())


def application(settings: Settings, app_url: str) -> Application:
    """The ASGI application, whose graph lives as long as the server."""
    return build(lambda: graph(settings, app_url, "api"), operations())


class Programs:
    """What the commands of `nostro` run."""

    def up(self, settings: Settings) -> int:
        """Everything on this machine."""
        asyncio.run(_up(settings))
        return 0

    def api(self, settings: Settings) -> int:
        """The API alone."""
        serve(application(settings, asyncio.run(_app_url(settings))), settings.host, settings.port)
        return 0


async def _up(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.database_url is not None:
        urls = await roles.ensure(settings.database_url.reveal())
        await _prepare_and_keep_up(settings, urls)
        return
    server = EmbeddedPostgres(
        settings.data_dir / "postgres", ServerSettings(shared_buffers=f"{settings.shared_buffers_mb}MB")
    )
    urls = await server.start()
    try:
        await _prepare_and_keep_up(settings, urls)
    finally:
        await server.stop()


async def _prepare_and_keep_up(settings: Settings, urls: ConnectionUrls) -> None:
    await migrate(urls.owner)
    key = await _first_account(settings, urls.app)
    environment = child_environment(
        msgspec.structs.replace(settings, app_url=Secret(urls.app), secret_key=None)
    )
    await keep_up(settings, environment, key.reveal())


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
            await pool.write(ledger_queries["open_book"], book)
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
    commands.programs = Programs()
    commands.app()
