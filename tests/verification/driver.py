"""Runs payments and refunds through the real committer and the real commands, one step at a time.

The acquirer is the real sandbox where one is given; where none is, outcomes are made by hand.
"""

import asyncio
import random
import time
from typing import Any

import msgspec

from nostro.db.committer import Committer
from nostro.db.session import Session, Statement
from nostro.events.commands import CreateEndpoint
from nostro.events.emit import Origin
from nostro.idempotency.commands import Guarded
from nostro.idempotency.model import Request
from nostro.kernel.answer import Answer, Proceed
from nostro.kernel.clock import DAY, BusinessTime, SystemTime, start_of_day
from nostro.kernel.command import Command
from nostro.kernel.ids import Mint
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Approved, Evidence, Operation, Outcome
from nostro.kernel.ports import Acquirer, CardDetails, PaymentMessage
from nostro.kernel.secret import Pan
from nostro.kernel.table import Table, text_array
from nostro.payment_methods.commands import Draft
from nostro.payment_methods.model import CardFacts
from nostro.payments.commands import (
    CancelIntent,
    CaptureIntent,
    Changes,
    CreateIntent,
    MethodChoice,
    Sender,
    Sending,
)
from nostro.payments.model import Attempt, Charge, Intent, Terms
from nostro.payments.settle import Settle
from nostro.payments.store import ATTEMPTS, CHARGES, INTENTS
from nostro.refunds.commands import CreateRefund, RefundRequest, SendingRefund
from nostro.refunds.funding import Dispatch
from nostro.refunds.model import Refund
from nostro.refunds.settle import SettleRefund
from nostro.refunds.store import REFUNDS
from nostro.routing.model import Routes

BOOK = 0
GOOD, DECLINED = "4242424242424242", "4000000000000002"
REFUND_PENDING, REFUND_FAILS_LATER = "4000000000007726", "4000000000005126"
FEE = FeeSchedule(290, 30)
FACTS = CardFacts("visa", "credit", "US", "4242", 12, 2049, "0123456789abcdef")


class ShiftedClock:
    """The machine's clock; business time can be moved ahead."""

    ahead_ms = 0

    def business(self) -> BusinessTime:
        return BusinessTime(self.system() + self.ahead_ms)

    def system(self) -> SystemTime:
        return SystemTime(time.time_ns() // 1_000_000)

    async def sleep(self, milliseconds: int) -> None:
        raise AssertionError("nothing here has to wait")


class SeededEntropy:
    """The same bytes in each run."""

    def __init__(self) -> None:
        self._random = random.Random(7)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class Driver:
    """One merchant of one book, as its requests and the worker would drive it."""

    def __init__(
        self, url: str, acquirer: Acquirer | None = None, account: str = "acct_1Verify"
    ) -> None:
        self.clock, self.entropy, self.acquirer = ShiftedClock(), SeededEntropy(), acquirer
        self.origin = Origin(account, False)
        self.url = url
        self.committer = Committer(BOOK, self._connect, self.clock, self.entropy)
        self._reader: Session | None = None
        self._reading = asyncio.Lock()

    async def _connect(self) -> Session:
        return await Session.open(self.url)

    async def close(self) -> None:
        await self.committer.close()
        if self._reader is not None:
            await self._reader.close()

    def seed(self) -> bytes:
        return self.entropy.bytes(16)

    async def run(self, command: Command[Any], key: str | None = None) -> Any:
        """Decide a command, under an idempotency key if one is named."""
        if key is None:
            return await self.committer.run(command)
        request = Request(f"{self.origin.account}/{key}", "/v1/x", b"fingerprint", f"req_{key}")
        return await self.committer.run(Guarded(command, request))

    async def read(self, table: Table[Any], key: str) -> Any:
        """A row as it is committed."""
        async with self._reading:
            if self._reader is None:
                self._reader = await self._connect()
            statement = Statement(table.read, (BOOK, text_array([key])))
            rows = (await self._reader.run([statement]))[0].rows
        return table.decode(rows[0])

    # Intend

    async def intend(
        self, amount: int, *, manual: bool = False, key: str | None = None, currency: str = "usd"
    ) -> Attempt:
        """An intent, confirmed: its attempt is durable and may be sent."""
        changes = Changes(
            amount, currency, None, "manual" if manual else "automatic", Terms(),
            MethodChoice(draft=Draft(FACTS, "card_token")),
        )  # fmt: skip
        command = CreateIntent(BOOK, self.seed(), self.origin, changes, True, self._sender(key))
        return self._attempt(await self.run(command, key))

    async def intend_capture(self, charge: Charge, amount: int | None = None) -> Attempt:
        command = CaptureIntent(
            BOOK, self.seed(), self.origin, charge.intent, charge.id, amount, {}, self._sender()
        )
        return self._attempt(await self.run(command))

    async def intend_void(self, charge: Charge) -> Attempt:
        command = CancelIntent(
            BOOK, self.seed(), self.origin, charge.intent, charge.id, None, self._sender()
        )
        return self._attempt(await self.run(command))

    async def waiting_refund(self, charge: Charge, amount: int) -> str:
        """The id of a refund that the balance does not cover."""
        answer = await self._create_refund(charge, amount, None)
        assert isinstance(answer, Answer)
        identifier: str = msgspec.json.decode(answer.snapshot)["id"]
        return identifier

    async def intend_refund(
        self, charge: Charge, amount: int, key: str | None = None
    ) -> Refund | None:
        """The refund to send; None if it waits for money."""
        answer = await self._create_refund(charge, amount, key)
        return answer.row if isinstance(answer, SendingRefund) else None

    async def _create_refund(self, charge: Charge, amount: int, key: str | None) -> Any:
        asked = RefundRequest(charge=charge.id, amount=amount)
        found = await self.read(CHARGES, charge.id)
        command = CreateRefund(BOOK, self.seed(), self.origin, asked, found, self._dispatch(key))
        return await self.run(command, key)

    def _attempt(self, answer: Proceed) -> Attempt:
        assert isinstance(answer, Sending), answer
        return answer.row

    def _sender(self, key: str | None = None) -> Sender:
        now = self.clock.system()
        named = f"{self.origin.account}/{key}" if key else None
        return Sender(
            "api_test",
            Routes(("sandbox",)),
            SystemTime(now + 2_000),
            SystemTime(now + 20_000),
            named,
        )

    def _dispatch(self, key: str | None) -> Dispatch:
        now = self.clock.system()
        named = f"{self.origin.account}/{key}" if key else None
        return Dispatch(
            "api_test", SystemTime(now + 2_000), SystemTime(now + 20_000), SystemTime(now), named
        )

    # Call

    async def call(self, row: Attempt | Refund, number: str = GOOD) -> Outcome:
        """Send it to the sandbox."""
        assert self.acquirer is not None
        message = PaymentMessage(
            row.id, row.amount, row.currency, row.account, row.send_by, row.original
        )
        card = CardDetails(Pan(number), 12, 2049)
        if isinstance(row, Refund):
            return await self.acquirer.refund(message)
        match row.operation:
            case Operation.SALE:
                return await self.acquirer.sale(message, card)
            case Operation.AUTHORIZE:
                return await self.acquirer.authorize(message, card)
            case Operation.CAPTURE:
                return await self.acquirer.capture(message)
            case _:
                return await self.acquirer.void(message)

    # Settle

    async def settle(self, attempt: Attempt, evidence: Evidence) -> Intent:
        """Settle an attempt as it now stands; returns its intent."""
        await self.settle_row(await self.read(ATTEMPTS, attempt.id), evidence)
        intent: Intent = await self.read(INTENTS, attempt.intent)
        return intent

    async def settle_row(self, row: Attempt, evidence: Evidence) -> None:
        available_on = BusinessTime(start_of_day(self.clock.business()) + 2 * DAY)
        command = Settle(
            BOOK, self.seed(), self.origin, row, evidence, FEE, available_on, self.clock.system()
        )
        assert (await self.run(command)).applied

    async def settle_refund(self, refund: Refund, evidence: Evidence) -> None:
        row = await self.read(REFUNDS, refund.id)
        charge = await self.read(CHARGES, refund.charge)
        command = SettleRefund(
            BOOK, self.seed(), self.origin, row, charge, evidence, self.clock.system()
        )
        assert (await self.run(command)).applied

    # Settings

    async def endpoint(self, url: str, *events: str) -> str:
        """The id of a webhook endpoint."""
        identifier = mint(self).new("we")
        command = CreateEndpoint(
            BOOK, self.seed(), self.origin, identifier, url, events, "sealed secret"
        )
        await self.run(command)
        return identifier

    # All three

    async def sale(self, amount: int, number: str = GOOD, **options: Any) -> Charge:
        """A sale, sent and settled; returns its charge."""
        attempt = await self.intend(amount, **options)
        await self.settle(attempt, await self.call(attempt, number))
        charge: Charge = await self.read(CHARGES, attempt.charge)
        return charge

    async def authorization(self, amount: int) -> Charge:
        return await self.sale(amount, manual=True)

    async def capture(self, charge: Charge, amount: int | None = None) -> Charge:
        attempt = await self.intend_capture(charge, amount)
        await self.settle(attempt, await self.call(attempt))
        captured: Charge = await self.read(CHARGES, charge.id)
        return captured

    async def refund(self, charge: Charge, amount: int, key: str | None = None) -> Refund:
        refund = await self.intend_refund(charge, amount, key)
        assert refund is not None, "the balance covers it"
        await self.settle_refund(refund, await self.call(refund))
        return refund


def approved(attempt: Attempt) -> Approved:
    """An outcome made by hand."""
    return Approved("acq_1", attempt.amount, attempt.currency)


async def open_book(owner_url: str, book: int = BOOK) -> None:
    """Register a book and begin it."""
    from nostro.ledger.store import QUERIES

    session = await Session.open(owner_url)
    register = "INSERT INTO nostro.books VALUES ($1, false, 'verified', 0) ON CONFLICT DO NOTHING"
    await session.run([Statement(register, (book,)), Statement(QUERIES["open_book"], (book,))])
    await session.close()


def mint(driver: Driver) -> Mint:
    """Mints references of this book."""
    return Mint(driver.seed(), BOOK, driver.clock.system())
