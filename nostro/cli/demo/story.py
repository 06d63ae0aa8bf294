"""The story, chapter by chapter. Every figure it tells was just answered by the API, the ledger or the sandbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from nostro.cli.demo.mailbox import Mailbox, mailbox
from nostro.cli.demo.narrator import Narrator, amount
from nostro.cli.demo.shop import TIMEOUT, Body, DemoFailed, Shop
from nostro.kernel.ports import Clock
from nostro.kernel.secret import Secret

# The ledger's read-only query: transfers that explain some objects.
Ledger = Callable[[Sequence[str]], Awaitable[list[tuple[Any, ...]]]]
# How many checks ran, and the names of those that found something off.
Verify = Callable[[], Awaitable[tuple[int, Sequence[str]]]]
USD = "usd"


class Stage(msgspec.Struct, frozen=True):
    """Where the story is played: a fresh account of a running Nostro."""

    url: str
    sandbox_url: str
    account: str
    key: Secret
    ledger: Ledger
    verify: Verify
    clock: Clock


async def tell(stage: Stage, as_json: bool) -> int:
    """Play all chapters. Raises DemoFailed when something is not as it should be."""
    narrator = Narrator(as_json)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as http, mailbox(stage.clock) as box:
        shop = Shop(http, stage.url, stage.key, stage.sandbox_url)
        play = Play(stage, shop, box, narrator)
        await play.opening()
        sale = await play.payments()
        lost = await play.lost_reply()
        await play.refund(sale)
        await play.webhooks(sale, lost)
        await play.balances()
        await play.ledger(lost)
        await play.both_books()
        await play.verification()
    return 0


class Play:
    """The chapters, which share a shop, its mailbox and a narrator."""

    def __init__(self, stage: Stage, shop: Shop, box: Mailbox, narrator: Narrator) -> None:
        self._stage, self._shop, self._box, self._tell = stage, shop, box, narrator
        self._customer = ""

    async def opening(self) -> None:
        """A shop, its webhook endpoint and a customer."""
        self._tell.chapter("A shop opens")
        say = self._tell.say
        say(f"Account {self._stage.account} at {self._stage.url}", "account",
            account=self._stage.account, url=self._stage.url)  # fmt: skip
        endpoint = await self._shop.post(
            "/v1/webhook_endpoints", {"url": self._box.url, "enabled_events[]": "*"}
        )
        self._box.secret = endpoint["secret"]
        say(f"Its webhooks go to {self._box.url}", "webhook_endpoint", id=endpoint["id"])
        customer = await self._shop.post("/v1/customers", {"name": "First Customer"})
        self._customer = customer["id"]
        say(f"A customer: {self._customer}", "customer", id=self._customer)

    async def payments(self) -> Body:
        """One card is charged, another is declined, a third is authorized now and captured later."""
        self._tell.chapter("Cards are charged, declined, and held for later")
        sale = await self._pay(4200, "pm_card_visa")
        self._said("Charged", sale)
        declined = await self._pay(1900, "pm_card_visa_chargeDeclinedInsufficientFunds", 402)
        error = declined["error"]
        code = error.get("decline_code", error["code"])
        said = f"Declined    {amount(1900, USD):>12}  by the issuer: {code}. Nothing moved."
        self._tell.say(said, "declined", decline_code=code)
        await self._capture_later()
        return sale

    async def lost_reply(self) -> Body:
        """The acquirer takes the money, and its answer never arrives."""
        self._tell.chapter("The network breaks at the worst moment")
        await self._shop.break_network()
        say = self._tell.say
        say("The acquirer will charge the next card, and its answer will be lost.", "fault")
        payment = await self._pay(9900, "pm_card_visa")
        say(f"The shop asks for {amount(9900, USD)} and is told: [yellow]{payment['status']}"
            "[/yellow]. Nostro does not guess and does not try again.",
            "unknown", id=payment["id"], status=payment["status"])  # fmt: skip
        if payment["status"] != "processing":
            raise DemoFailed(f"the payment without an answer is {payment['status']}")
        found = await self._shop.until(f"/v1/payment_intents/{payment['id']}", "succeeded")
        say("It asked the acquirer what became of its reference: [green]charged, once[/green].",
            "recovered", id=found["id"], status=found["status"])  # fmt: skip
        return found

    async def refund(self, sale: Body) -> None:
        """A part of the first payment goes back."""
        self._tell.chapter("A refund")
        form = {"payment_intent": sale["id"], "amount": 1200}
        refund = await self._shop.post("/v1/refunds", form)
        said = f"{amount(1200, USD)} of {sale['id']} go back: {refund['status']}"
        self._tell.say(said, "refund", id=refund["id"], status=refund["status"])

    async def webhooks(self, sale: Body, lost: Body) -> None:
        """What the shop was told."""
        self._tell.chapter("Webhooks arrive, signed")
        for payment in (sale, lost):
            event = await self._box.about("payment_intent.succeeded", payment["id"])
            said = f"{event['type']} for {payment['id']}, signature verified"
            self._tell.say(said, "webhook", id=event["id"], type=event["type"])
        if self._box.refused:
            raise DemoFailed(f"{self._box.refused} deliveries had a signature that does not fit")

    async def balances(self) -> None:
        """What the shop is owed."""
        self._tell.chapter("What the shop is owed")
        balance = await self._shop.get("/v1/balance")
        rows = [
            (kind, money["amount"], money["currency"])
            for kind in ("pending", "available")
            for money in balance[kind]
        ]
        self._tell.table("balance", ("balance", "minor units", "currency"), rows)

    async def ledger(self, payment: Body) -> None:
        """Every transfer behind the payment whose answer was lost."""
        self._tell.chapter("The ledger behind the payment whose answer was lost")
        transfers = await self._stage.ledger([str(payment["latest_charge"])])
        rows = [
            (row[7], self._short(row[3]), self._short(row[4]), amount(row[5], row[6]))
            for row in transfers
        ]
        if not rows:
            raise DemoFailed("the ledger has no transfer for the payment")
        self._tell.table("ledger", ("what", "debit", "credit", "amount"), rows)

    async def both_books(self) -> None:
        """Ours against the acquirer's, which is another program with another database."""
        self._tell.chapter("The acquirer's own book says the same")
        theirs = await self._shop.acquirer_book(self._stage.account)
        charges = (await self._shop.get("/v1/charges?limit=100"))["data"]
        sums = (
            ("captured", sum(charge["amount_captured"] for charge in charges),
             sum(line["captured"] for line in theirs)),
            ("refunded", sum(charge["amount_refunded"] for charge in charges),
             sum(line["refunded"] for line in theirs)),
        )  # fmt: skip
        self._tell.table("both_books", ("sum", "ours", "theirs"), sums)
        if any(ours != his for _, ours, his in sums):
            raise DemoFailed("our book and the acquirer's differ")

    async def verification(self) -> None:
        """Everything against everything."""
        self._tell.chapter("Everything is checked against everything")
        checks, off = await self._stage.verify()
        if off:
            raise DemoFailed(f"verification found something off: {', '.join(off)}")
        said = f"[green]{checks} checks passed[/green]. `nostro verify` shows them one by one."
        self._tell.say(said, "verified", checks=checks)

    def _short(self, code: str) -> str:
        return code.replace(self._stage.account, "…").removesuffix(f":{USD}")

    async def _capture_later(self) -> None:
        held = await self._pay(3000, "pm_card_mastercard", capture_method="manual")
        self._said("Authorized", held)
        captured = await self._shop.post(f"/v1/payment_intents/{held['id']}/capture", {})
        self._said("Captured", captured)

    async def _pay(self, minor: int, method: str, expected: int = 200, **more: str) -> Body:
        form = {
            "amount": minor, "currency": USD, "payment_method": method, "confirm": "true",
            "customer": self._customer, **more,
        }  # fmt: skip
        return await self._shop.post("/v1/payment_intents", form, expected)

    def _said(self, verb: str, payment: Body) -> None:
        money = amount(payment["amount"], payment["currency"])
        self._tell.say(
            f"{verb:<11} {money:>12}  {payment['id']}: [green]{payment['status']}[/green]",
            verb.lower(), id=payment["id"], status=payment["status"], amount=payment["amount"],
        )  # fmt: skip
