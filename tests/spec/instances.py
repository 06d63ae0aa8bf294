"""Instances of the real services on one real database, each with its own committer, each stopped at every step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.session import Session
from nostro.db.urls import ConnectionUrls
from nostro.events.emit import Origin
from nostro.idempotency.model import Request
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import A, Command
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from nostro.payments.claim import CountSend, IntendCancel
from nostro.payments.service import Merchant, Payments
from nostro.payments.settle import Settle
from nostro.refunds.claim import CountRefundSend
from nostro.refunds.service import Refunds
from nostro.refunds.settle import SettleRefund
from nostro.system import SystemEntropy
from nostro.vault.keyring import Keyring
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import Vault
from nostro.vault.service import CardVault
from tests.refunds.world import MovableClock, open_book
from tests.spec.acquirer import Book, Gates, ScriptedAcquirer

BOOK, ACCOUNT = 1, "acct_shop"
LONGER_THAN_ANY_LEASE_MS = 120_000
_GATES: dict[type, str] = {
    Settle: "to_settle",
    SettleRefund: "to_settle",
    CountSend: "to_count",
    CountRefundSend: "to_count",
    IntendCancel: "to_mark",
}


class GatedDecider:
    """A committer before which an instance stops, where the model has a step of its own."""

    def __init__(self, committer: Committer, gates: Gates) -> None:
        self._committer, self._gates = committer, gates

    async def run(self, command: Command[A], deadline: SystemTime | None = None) -> A:
        gate = _GATES.get(type(command))
        if gate is not None:
            await self._gates.reach(gate)
        return await self._committer.run(command, deadline)


@dataclass
class Instance:
    """One instance: where it stands, and its services."""

    name: str
    committer: Committer
    gates: Gates
    payments: Payments
    refunds: Refunds


class Stage:
    """A database, an acquirer's book, and the instances between them."""

    def __init__(self, urls: ConnectionUrls, reader: Pool) -> None:
        self.urls, self.reader, self.book = urls, reader, Book()
        self.clock, self.entropy = MovableClock(), SystemEntropy()
        vault = Vault(Keyring.from_root(Secret("r" * 40)), self.entropy)
        vault.use(vault.new_data_key(self.clock.system()))
        presealed = PresealedCards(vault, date(2026, 1, 1))
        self._cards = CardVault(vault, presealed, reader, self.clock, self.entropy)
        self.merchant = Merchant(BOOK, Origin(ACCOUNT, False), FeeSchedule())
        self._committers: list[Committer] = []
        self.front = self.committer()  # for what the script itself asks

    def committer(self) -> Committer:
        """One more committer, closed with the stage."""
        made = Committer(BOOK, lambda: Session.open(self.urls.app), self.clock, self.entropy)
        self._committers.append(made)
        return made

    def instance(self, name: str) -> Instance:
        """A new instance, with a committer of its own."""
        return self._instance(name, self.committer())

    def reborn(self, dead: Instance) -> Instance:
        """The same program started again: nothing of its memory is left."""
        return self._instance(f"{dead.name}+", dead.committer)

    def _instance(self, name: str, committer: Committer) -> Instance:
        gates = Gates()
        decider = GatedDecider(committer, gates)
        acquirers: dict[str, Any] = {"scripted": ScriptedAcquirer(gates, self.book.messages)}
        payments = Payments(
            lambda book: decider,
            self.reader,
            acquirers,
            self._cards,
            self.clock,
            self.entropy,
            name,
        )
        refunds = Refunds(
            lambda book: decider, self.reader, acquirers, self.clock, self.entropy, name
        )
        return Instance(name, committer, gates, payments, refunds)

    def keyed(self, key: object) -> Merchant:
        """A request of the merchant's under a key."""
        request = Request(f"{ACCOUNT}/{key}", "POST /v1/x", b"same", "req_1")
        return Merchant(BOOK, self.merchant.origin, self.merchant.fee, request)

    def leases_end(self) -> None:
        """As much time passes as any lease or back-off takes."""
        self.clock.system_ahead += LONGER_THAN_ANY_LEASE_MS

    async def close(self) -> None:
        """Close every committer."""
        for committer in self._committers:
            await committer.close()


@asynccontextmanager
async def a_stage(urls: ConnectionUrls) -> AsyncIterator[Stage]:
    """A book with nothing in it; closed at the end."""
    open_book(urls)
    pool = Pool(urls.app)
    stage = Stage(urls, pool)
    try:
        yield stage
    finally:
        await stage.close()
        await pool.close()
