"""`nostro up`: the database, its schema, the first account, then everything else as child processes.

This process only supervises, so it imports nothing that serves: memory is part of the promise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from nostro.acquirers.places import Place, places
from nostro.acquirers.places import urls as urls_of
from nostro.bootstrap.secret_files import kept_secret, secret_file
from nostro.cli import instance
from nostro.cli.up import claim_ports, keep_up, refuse_ports
from nostro.config import Settings, child_environment
from nostro.db import roles
from nostro.db.embedded import EmbeddedPostgres
from nostro.db.migrate import migrate
from nostro.db.pool import Pool
from nostro.db.server_settings import ServerSettings
from nostro.db.urls import ConnectionUrls
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.ledger.books import open_book
from nostro.merchants.model import LIVE_BOOK, TEST_BOOK
from nostro.merchants.service import Merchants
from nostro.merchants.store import QUERIES as MERCHANTS
from nostro.routing.file import rules_from
from nostro.system import SystemClock, SystemEntropy
from nostro.vault.store import QUERIES as VAULT

FIRST_ACCOUNT = "acct_1Nostro"
Keep = Callable[
    [Settings, Sequence[Place], Mapping[str, str], str, bool], Awaitable[int]
]  # as `keep_up`


async def up(settings: Settings, as_json: bool, keep: Keep = keep_up) -> int:
    """Everything, until asked to stop. Returns the exit code. `keep` runs the children, in their environment.

    Raises Misconfigured before anything is started.
    """
    rules_from(settings.routing, [place.name for place in places(settings)])
    refuse_ports(settings, _started(settings))
    clock, entropy = SystemClock(), SystemEntropy()
    generation = Mint(entropy.bytes(16), 0, clock.system()).new("up")
    settings = msgspec.structs.replace(settings, generation=generation)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if settings.database_url is not None:
        urls = await roles.ensure(settings.database_url.reveal())
        return await _prepare_and_keep_up(settings, urls, as_json, keep)
    server = EmbeddedPostgres(
        settings.data_dir / "postgres",
        ServerSettings(shared_buffers=f"{settings.shared_buffers_mb}MB"),
    )
    urls = await server.start()
    try:
        return await _prepare_and_keep_up(settings, urls, as_json, keep)
    finally:
        await server.stop()


def _started(settings: Settings) -> Sequence[Place]:
    """The sandboxes that are ours to start."""
    return () if settings.acquirers or settings.sandbox_url else places(settings)


async def _prepare_and_keep_up(
    settings: Settings, urls: ConnectionUrls, as_json: bool, keep: Keep
) -> int:
    started = _started(settings)
    await claim_ports(settings, started)
    await migrate(urls.owner)
    key = await _first_account(settings, urls.app)
    # Before the sandboxes start that sign with it.
    for place in started:
        secret_file(settings.data_dir / place.notification_key, SystemEntropy())
    environment = child_environment(
        msgspec.structs.replace(
            settings, app_url=Secret(urls.app), database_url=None, secret_key=None
        )
    )
    instance.announce(settings, urls_of(places(settings)))
    try:
        return await keep(settings, started, environment, key.reveal(), as_json)
    finally:
        instance.withdraw(settings)


async def _first_account(settings: Settings, app_url: str) -> Secret:
    """The books, the first account and its key. Idempotent; a key once made is kept in a file (0600)."""
    clock, entropy = SystemClock(), SystemEntropy()
    pool = Pool(app_url)
    try:
        await _refuse_other_keys(settings, pool)
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


async def _refuse_other_keys(settings: Settings, pool: Pool) -> None:
    """Raises Misconfigured if a key file is lost that the database's rows were made with: a new one opens nothing."""
    if await pool.fetch(MERCHANTS["list_accounts"], 1):
        kept_secret(settings.data_dir / "api.key")
    if await pool.fetch(VAULT["read_data_keys"]):
        kept_secret(settings.data_dir / "vault.keys")


def _kept_key(path: Path, entropy: SystemEntropy) -> Secret:
    return Secret("sk_test_" + secret_file(path, entropy).reveal()[:32])
