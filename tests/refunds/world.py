"""Everything a refund needs, real: the committer on a database, the services, and a sandbox acquirer's process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import msgspec
import psycopg

from nostro.acquirers.manners import capabilities
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.balances.commands import ReleaseDay, TopUp
from nostro.balances.store import TRANSACTIONS
from nostro.db.committer import Committer
from nostro.db.pool import Pool
from nostro.db.session import Session
from nostro.db.urls import ConnectionUrls
from nostro.events.emit import Origin
from nostro.idempotency.model import Request
from nostro.kernel.answer import Answer, Refusal
from nostro.kernel.clock import DAY, BusinessTime, SystemTime
from nostro.kernel.command import A, Command, Decision, Reads, View
from nostro.kernel.money import FeeSchedule
from nostro.kernel.ports import Acquirer, CardDetails
from nostro.kernel.posting import Balance
from nostro.kernel.secret import Pan, Secret
from nostro.kernel.table import text_array
from nostro.ledger import chart
from nostro.payment_methods.model import CardFacts, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.model import Charge, Intent, Terms
from nostro.payments.service import Merchant, Payments, Reply
from nostro.payments.store import CHARGES
from nostro.payments.timing import Timing
from nostro.refunds.commands import RefundRequest
from nostro.refunds.due import due_refunds
from nostro.refunds.model import Refund
from nostro.refunds.service import Refunds
from nostro.refunds.store import REFUNDS
from nostro.routing.model import Routes, Rules
from nostro.system import SystemClock, SystemEntropy
from nostro.vault.keyring import Keyring
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import Vault
from nostro.vault.service import CardVault
from tests.sandbox.process import SandboxProcess

BOOK = 1
ACCOUNT = "acct_shop"
VISA, REFUND_PENDING, REFUND_FAILS = "4242424242424242", "4000000000007726", "4000000000005126"
LEASE_MS = 30_000
TIMING = Timing(call_ms=3_000)


class MovableClock(SystemClock):
    """The machine's clock, each kind of time ahead by as much as a test says."""

    def __init__(self) -> None:
        self.business_ahead = self.system_ahead = 0

    def business(self) -> BusinessTime:
        return BusinessTime(super().business() + self.business_ahead)

    def system(self) -> SystemTime:
        return SystemTime(super().system() + self.system_ahead)


class KeepMethod(msgspec.Struct, frozen=True):
    """Puts a card on file, so that it can be charged."""

    book: int
    seed: bytes
    account: str
    token: str = "card_1"  # where the vault keeps the number

    def reads(self) -> Reads:
        return Reads()

    def decide(self, view: View) -> Decision[str]:
        card = CardFacts("visa", "credit", "US", "4242", 12, 2049, "fp")
        method = PaymentMethod(view.mint.new("pm"), self.account, card, self.token, view.now, False)
        return Decision(method.id, [(METHODS, method)])


class World:
    """One merchant's payments and refunds."""

    def __init__(
        self,
        urls: ConnectionUrls,
        sandbox: SandboxProcess,
        reader: Pool,
        fee: FeeSchedule,
        manner: str = "honours",
        others: Mapping[str, SandboxProcess] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.sandbox, self.reader, self.urls = sandbox, reader, urls
        self.clock, self.entropy = MovableClock(), SystemEntropy()
        self.committer = Committer(BOOK, lambda: Session.open(urls.app), self.clock, self.entropy)
        self.acquirer = self._acquirer("sandbox", sandbox, manner)
        self.acquirers: dict[str, Acquirer] = {"sandbox": self.acquirer}
        for name, other in (others or {}).items():
            self.acquirers[name] = self._acquirer(name, other, "honours")
        vault = Vault(Keyring.from_root(Secret("r" * 40)), self.entropy)
        cards = CardVault(
            vault, PresealedCards(vault, date(2026, 1, 1)), reader, self.clock, self.entropy
        )
        self.payments = Payments(
            lambda book: self.committer, reader, self.acquirers, cards, self.clock,
            self.entropy, "test", TIMING, routes=Routes(tuple(self.acquirers), rules or Rules()),
        )  # fmt: skip
        self.refunds = self.worker("test")
        self.merchant = Merchant(BOOK, Origin(ACCOUNT, False), fee)
        self.refunded_elsewhere = 0  # behind our back, at the acquirer

    def _acquirer(self, name: str, sandbox: SandboxProcess, manner: str) -> SandboxAcquirer:
        address = f"http://127.0.0.1:{sandbox.port}"
        return SandboxAcquirer(address, self.clock, name, 3_000, capabilities(manner))

    async def close(self) -> None:
        """Close what is open."""
        await self.committer.close()
        for acquirer in self.acquirers.values():
            assert isinstance(acquirer, SandboxAcquirer)
            await acquirer.close()

    def worker(self, instance: str) -> Refunds:
        """The service of refunds as another instance would run it."""
        return Refunds(
            lambda book: self.committer, self.reader, self.acquirers, self.clock,
            self.entropy, instance, TIMING,
        )  # fmt: skip

    def keyed(self, name: str) -> Merchant:
        """The merchant's request under an idempotency key."""
        request = Request(f"{ACCOUNT}/{name}", "POST /v1/refunds", b"same", "req_1")
        return msgspec.structs.replace(self.merchant, request=request)

    async def sale(self, amount: int, number: str = VISA, capture: str = "automatic") -> Charge:
        """A card payment of `amount`."""
        method = await self.run(KeepMethod(BOOK, self.entropy.bytes(16), ACCOUNT))
        changes = Changes(amount, "usd", None, capture, Terms(), MethodChoice(method))
        card = CardDetails(Pan(number), 12, 2049)
        reply = await self.payments.create(self.merchant, changes, True, card)
        if isinstance(reply, Refusal):
            assert reply.charge is not None
            return await self.charge(reply.charge)
        intent = msgspec.json.decode(answer_of(reply).snapshot, type=Intent)
        assert intent.latest_charge is not None
        return await self.charge(intent.latest_charge)

    async def ask(self, charge: Charge | str, amount: int | None = None) -> Reply:
        """Ask for a refund of a charge."""
        identifier = charge if isinstance(charge, str) else charge.id
        return await self.refunds.create(self.merchant, RefundRequest(identifier, amount=amount))

    async def refund(self, charge: Charge | str, amount: int | None = None) -> Refund:
        """Refund a charge and expect no refusal."""
        return refund_of(await self.ask(charge, amount))

    async def resolve(self, refund: Refund) -> Refund:
        """Let a worker go on with a refund, once its lease is over."""
        self.clock.system_ahead += LEASE_MS
        await self.worker("worker").resolve(self.merchant, refund.id)
        return await self.again(refund)

    async def due(self) -> list[str]:
        """The ids a worker would find now."""
        found = await due_refunds(self.reader, BOOK, self.clock.system(), 100)
        return [due.id for due in found]

    async def again(self, refund: Refund) -> Refund:
        """The refund as it is now."""
        rows = await self.reader.fetch(REFUNDS.read, BOOK, text_array([refund.id]))
        return REFUNDS.decode(rows[0])

    async def charge(self, identifier: str) -> Charge:
        """The charge as it is now."""
        rows = await self.reader.fetch(CHARGES.read, BOOK, text_array([identifier]))
        return CHARGES.decode(rows[0])

    async def top_up(self, amount: int) -> None:
        """Money for the merchant's available balance."""
        await self.run(TopUp(BOOK, self.entropy.bytes(16), ACCOUNT, amount, "usd"))

    async def release(self, charge: Charge) -> bool:
        """Move on to the charge's day and release it."""
        assert charge.available_on is not None
        if charge.available_on > self.clock.business():
            self.clock.business_ahead += 3 * DAY
        return await self.run(
            ReleaseDay(
                BOOK, self.entropy.bytes(16), Origin(ACCOUNT, False), "usd", charge.available_on
            )
        )

    async def run(self, command: Command[A]) -> A:
        """Run a command of another room."""
        return await self.committer.run(command)

    async def balances(self) -> dict[str, Balance]:
        """Pending, available and clearing."""
        codes = {
            "pending": chart.pending(ACCOUNT, "usd"),
            "available": chart.available(ACCOUNT, "usd"),
            "clearing": chart.clearing("sandbox", "usd"),
        }
        rows = await self.reader.fetch(
            "SELECT code, debits_posted, credits_posted, debits_pending, credits_pending "
            "FROM nostro.ledger_accounts WHERE book_id = $1", BOOK,
        )  # fmt: skip
        found = {row[0]: Balance(*row[1:]) for row in rows}
        return {name: found.get(code, Balance()) for name, code in codes.items()}

    async def counts_on(self, refund: Refund) -> int:
        """When the refund counts in the merchant's statement."""
        wanted = text_array([refund.balance_transaction])
        rows = await self.reader.fetch(TRANSACTIONS.read, BOOK, wanted)
        return TRANSACTIONS.decode(rows[0]).available_on

    async def free(self) -> tuple[int, int]:
        """What is free of the pending and of the available balance."""
        balances = await self.balances()
        return balances["pending"].free, balances["available"].free

    async def events(self) -> list[str]:
        """Types of all events, in order."""
        rows = await self.reader.fetch(
            "SELECT type FROM nostro.events WHERE book_id = $1 ORDER BY seq", BOOK
        )
        return [row[0] for row in rows]

    async def sent(self, refund: Refund) -> dict[str, Any] | None:
        """The refund in the acquirer's own book."""
        status, found = self.sandbox.inquire(refund.id)
        return found if status == 200 else None


def answer_of(reply: Reply) -> Answer:
    """The answer, which is no refusal."""
    assert isinstance(reply, Answer), reply
    return reply


def refund_of(reply: Reply) -> Refund:
    """The refund in an answer."""
    return msgspec.json.decode(answer_of(reply).snapshot, type=Refund)


def refusal_of(reply: Reply) -> Refusal:
    """The refusal, which is no answer."""
    assert isinstance(reply, Refusal), reply
    return reply


@asynccontextmanager
async def a_world(
    urls: ConnectionUrls,
    sandbox: SandboxProcess,
    fee: FeeSchedule,
    manner: str = "honours",
    others: Mapping[str, SandboxProcess] | None = None,
    rules: Rules | None = None,
) -> AsyncIterator[World]:
    """A book with nothing in it, and all that works on it; closed at the end."""
    open_book(urls)
    pool = Pool(urls.app)
    world = World(urls, sandbox, pool, fee, manner, others, rules)
    try:
        yield world
    finally:
        await world.close()
        await pool.close()


def open_book(urls: ConnectionUrls) -> None:
    with psycopg.connect(urls.owner) as connection:
        connection.execute("INSERT INTO nostro.books VALUES (%s, false, 'test', 0)", (BOOK,))
        connection.execute("INSERT INTO nostro.book_heads (book_id) VALUES (%s)", (BOOK,))
