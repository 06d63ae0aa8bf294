"""What a person does to a running installation from the command line: keys, top-ups, verification.

The database is found through the data directory, or named by its URL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from nostro.acquirers.places import FIRST, places
from nostro.acquirers.places import urls as urls_of_places
from nostro.audit import erasing
from nostro.audit.alarms import SettleAlarm
from nostro.audit.log_keys import read_log_keys
from nostro.balances.commands import TopUp
from nostro.bootstrap.graph import Deciders
from nostro.bootstrap.log import LOGS, key_file
from nostro.bootstrap.secret_files import kept_secret
from nostro.cli import instance
from nostro.cli import verify as verification
from nostro.cli.ledger import export_file
from nostro.cli.programs import Full, LedgerExport, NewKeys
from nostro.config import Settings
from nostro.db import roles
from nostro.db.pool import Pool
from nostro.db.running import urls_of
from nostro.db.urls import ConnectionUrls
from nostro.kernel.command import Command
from nostro.kernel.errors import Misconfigured, NostroError
from nostro.kernel.money import is_currency
from nostro.kernel.ports import Reader
from nostro.kernel.secret import Secret
from nostro.merchants.model import Account, KeyFacts
from nostro.merchants.service import Merchants
from nostro.notifications.closing import CloseNotification
from nostro.system import SystemClock, SystemEntropy

T = TypeVar("T")
# Connections that write accounts side by side: their commits share one flush to the disk.
CONNECTIONS = 8
AT_ONCE = 64
ENTROPY_BYTES = 16
log = logging.getLogger(__name__)


async def urls(settings: Settings) -> ConnectionUrls:
    """Where the database is. Raises NothingRuns or UnreachableServer."""
    if settings.database_url is not None:
        return await roles.ensure(settings.database_url.reveal())
    return urls_of(settings.data_dir / "postgres")


@asynccontextmanager
async def _merchants(settings: Settings) -> AsyncIterator[Merchants]:
    found, entropy = await urls(settings), SystemEntropy()
    pool = Pool(found.app, CONNECTIONS)
    try:
        secret = kept_secret(settings.data_dir / "api.key")
        yield Merchants(pool, secret, SystemClock(), entropy)
    finally:
        await pool.close()


async def _tell(settings: Settings, merchants: Merchants) -> None:
    """Tell the books' audit logs. What cannot be told now the worker tells later."""
    deciders = Deciders((await urls(settings)).app, SystemClock(), SystemEntropy())
    try:
        for book, _ in await merchants.books():
            while await merchants.tell(book, deciders(book)):
                pass
    except NostroError as error:
        log.warning("the audit log was not told yet, the worker will tell it: %s", error)
    finally:
        await deciders.close()


async def create_keys(settings: Settings, wanted: NewKeys) -> list[tuple[str, Secret]]:
    """Keys with their accounts. Raises Misconfigured when the account given is unknown."""
    async with _merchants(settings) as merchants:
        if wanted.account is not None:
            await _existing(merchants, wanted.account)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one() -> tuple[str, Secret]:
            async with slots:
                account = wanted.account or await _new_account(merchants, wanted)
                return account, await merchants.create_key(account, wanted.live)

        made = await asyncio.gather(*(one() for _ in range(wanted.count)))
        await _tell(settings, merchants)
        return made


async def _new_account(merchants: Merchants, wanted: NewKeys) -> str:
    return (await merchants.create_account(wanted.name, fee=wanted.fee)).account


async def _existing(merchants: Merchants, account: str) -> Account:
    found = await merchants.find(account)
    if found is None:
        raise Misconfigured(
            f"there is no account {account}: `nostro keys list` names those there are"
        )
    return found


async def list_keys(settings: Settings, account: str | None) -> list[KeyFacts]:
    """Keys of one account, or of all."""
    async with _merchants(settings) as merchants:
        if account is None:
            return await merchants.every_key()
        await _existing(merchants, account)
        return await merchants.keys(account)


async def revoke_key(settings: Settings, key: Secret) -> bool:
    """Revoke a key in every process. False if it was not in force."""
    async with _merchants(settings) as merchants:
        revoked = await merchants.revoke(key)
        await _tell(settings, merchants)
        return revoked


async def top_up(settings: Settings, account: str, amount: int, currency: str) -> str:
    """Credit a test account; returns the balance transaction's id."""
    if not is_currency(currency):
        raise Misconfigured(f"{currency} is no ISO 4217 currency: give one such as usd or eur")
    async with _merchants(settings) as merchants:
        book = (await _existing(merchants, account)).test_book
    return await _decided(settings, book, lambda seed: TopUp(book, seed, account, amount, currency))


async def settle_alarm(settings: Settings, book: int, alarm: str, reason: str) -> bool:
    """Take an alarm away; False if there is none of that id."""
    return await _decided(settings, book, lambda seed: SettleAlarm(book, seed, alarm, reason))


async def close_notification(settings: Settings, book: int, notification: str, reason: str) -> bool:
    """Close a notification that waits for a person; False if none of that id does. Raises Misconfigured without a reason."""
    if not reason.strip():
        raise Misconfigured("say why: the audit log keeps the reason")
    return await _decided(
        settings, book, lambda seed: CloseNotification(book, seed, notification, reason)
    )


async def _decided(settings: Settings, book: int, command: Callable[[bytes], Command[T]]) -> T:
    found, entropy = await urls(settings), SystemEntropy()
    deciders = Deciders(found.app, SystemClock(), entropy)
    try:
        return await deciders(book).run(command(entropy.bytes(ENTROPY_BYTES)))
    finally:
        await deciders.close()


async def erase_address(settings: Settings, book: int, address: str, reason: str) -> int:
    """Erase a caller's address from a book's audit records, on record; returns how many had it."""
    found, entropy = await urls(settings), SystemEntropy()
    pool, deciders = Pool(found.app, 1), Deciders(found.app, SystemClock(), entropy)
    try:
        return await erasing.erase_address(pool, deciders(book), entropy, book, address, reason)
    finally:
        await deciders.close()
        await pool.close()


async def verify(
    settings: Settings, books: list[int], with_acquirer: bool, as_json: bool, full: Full | None
) -> int:
    """Verify books (none named: all) as the role that may only read; with `full`, derive everything again."""
    found = await urls(settings)
    acquirers = acquirer_urls(settings) if with_acquirer else None
    held = _held(settings, full) if full else None
    return await verification.run(found.read_only, acquirers, books or None, as_json, full=held)


def _held(settings: Settings, full: Full) -> verification.Held:
    """The logs and keys outside the database. A directory that was named is compared with, come what may."""
    usual, keys = settings.data_dir / LOGS, key_file(settings)
    logs = full.log_dir or (usual if usual.is_dir() else None)
    return verification.Held(logs, read_log_keys(keys) if keys.exists() else None)


async def ask(settings: Settings, question: Callable[[Reader], Awaitable[T]]) -> T:
    """Ask something as the role that may only read."""
    pool = Pool((await urls(settings)).read_only)
    try:
        return await question(pool)
    finally:
        await pool.close()


async def export_ledger(settings: Settings, wanted: LedgerExport) -> int:
    """Export a book as the role that may only read."""
    found = await urls(settings)
    return await export_file.run(found.read_only, wanted)


def acquirer_urls(settings: Settings) -> Mapping[str, str]:
    """Where the acquirers are: as given, else as the running `nostro up` says, else the sandbox at its usual port."""
    running = instance.find(settings.data_dir)
    asked = settings.acquirers or settings.sandbox_url
    if running is None or asked or settings.sandbox_port != Settings().sandbox_port:
        return urls_of_places(places(settings))
    return running.acquirers or {FIRST: running.sandbox_url}


def sandbox_url(settings: Settings) -> str:
    """Where the sandbox is: as given, else as the running `nostro up` says, else the usual port."""
    running = instance.find(settings.data_dir)
    if running is None or settings.sandbox_url is not None:
        return settings.acquirer_url
    usual = settings.sandbox_port == Settings().sandbox_port
    return running.sandbox_url if usual else settings.acquirer_url
