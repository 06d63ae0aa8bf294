"""The object graph of one process, built by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from nostro.api.fingerprint import RequestFingerprint
from nostro.api.services import Services
from nostro.bootstrap.acquirers import adapters, notifying
from nostro.bootstrap.log import log_keys
from nostro.bootstrap.secret_files import secret_file
from nostro.config import Settings
from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.revocations import listen
from nostro.db.session import Session
from nostro.events.targets import LIVE, LOCAL, TEST, Policy
from nostro.kernel.ids import Mint
from nostro.kernel.ports import Acquirer
from nostro.merchants.service import Merchants
from nostro.notifications.service import Inbox
from nostro.payments.service import Payments
from nostro.payments.timing import Timing
from nostro.refunds.service import Refunds
from nostro.routing.file import rules_from
from nostro.routing.model import Routes
from nostro.system import SystemClock, SystemEntropy
from nostro.vault.key_file import open_key_file
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import Vault
from nostro.vault.service import CardVault, today
from nostro.vault.text_seal import TextSeal


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
    box: TextSeal
    clock: SystemClock
    entropy: SystemEntropy
    instance: str


@asynccontextmanager
async def graph(settings: Settings, app_url: str, role: str) -> AsyncIterator[Graph]:
    """The object graph of one process, opened and closed in order."""
    clock, entropy = SystemClock(), SystemEntropy()
    pool, deciders = Pool(app_url), Deciders(app_url, clock, entropy)
    keyring = open_key_file(settings.data_dir / "vault.keys", entropy)
    log_keys(settings, entropy, clock)
    vault = Vault(keyring, entropy)
    cards = CardVault(vault, PresealedCards(vault, today(clock)), pool, clock, entropy)
    await cards.open_for_business(pool)
    box = TextSeal(keyring, entropy)
    secret = secret_file(settings.data_dir / "api.key", entropy)
    reached = adapters(settings, clock)
    instance = _instance(settings, role, entropy, clock)
    timing = Timing(settings.send_ms, settings.call_ms, settings.settle_ms, settings.retry_ms)
    acquirers: dict[str, Acquirer] = dict(reached)
    routes = Routes(tuple(acquirers), rules_from(settings.routing, acquirers))
    payments = Payments(
        deciders, pool, acquirers, cards, clock, entropy, instance, timing, routes=routes
    )
    refunds = Refunds(deciders, pool, acquirers, clock, entropy, instance, timing)
    merchants = Merchants(pool, secret, clock, entropy)
    sources = notifying(settings, clock, entropy)
    inbox = Inbox(deciders, pool, sources, merchants, payments, refunds, entropy)
    services = Services(
        clock=clock, entropy=entropy, reader=pool, decider=deciders, merchants=merchants,
        cards=cards, fingerprint=RequestFingerprint(secret, vault), payments=payments,
        refunds=refunds, inbox=inbox, box=box, webhook_targets=webhook_targets(settings),
    )  # fmt: skip
    listener = asyncio.create_task(listen(app_url, merchants))
    try:
        yield Graph(services, deciders, pool, box, clock, entropy, instance)
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        for acquirer in reached.values():
            await acquirer.close()
        await deciders.close()
        await pool.close()


def webhook_targets(settings: Settings) -> dict[bool, Policy]:
    """Where webhooks may be sent, by mode: those of live books never to a private address."""
    return {False: LOCAL if settings.webhook_private_addresses else TEST, True: LIVE}


def _instance(settings: Settings, role: str, entropy: SystemEntropy, clock: SystemClock) -> str:
    """The name under which this process holds leases; it begins with its generation."""
    own = Mint(entropy.bytes(16), 0, clock.system()).new(role)
    return f"{settings.generation}.{own}" if settings.generation else own
