"""Merchants' clients: they pay, capture, cancel and refund, ask twice, ask again, give up, and remember every answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from nostro.events.emit import Origin
from nostro.idempotency.model import Replayed, Request
from nostro.kernel.answer import Answer, Refusal, decode, encode
from nostro.kernel.command import Decision, Reads, View
from nostro.kernel.errors import NostroError
from nostro.kernel.ports import CardDetails
from nostro.kernel.secret import Cvc, Pan
from nostro.payment_methods.model import CardFacts, PaymentMethod
from nostro.payment_methods.store import METHODS
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.model import Terms
from nostro.payments.service import Merchant, Reply
from nostro.refunds.commands import RefundRequest
from simulation.hosts import FEE, Machine, Slot, World

PATIENCE_SECONDS = 25.0
CARDS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}
Ask = Callable[[Machine, Merchant], Awaitable[Reply]]


class KeepMethod(msgspec.Struct, frozen=True):
    """Puts a test card on file under its own token."""

    book: int
    seed: bytes
    account: str
    token: str

    def reads(self) -> Reads:
        return Reads()

    def decide(self, view: View) -> Decision[str]:
        last4 = CARDS[self.token][-4:]
        card = CardFacts("visa", "credit", "US", last4, 12, 2049, "fingerprint")
        method = PaymentMethod(view.mint.new("pm"), self.account, card, self.token, view.now, False)
        return Decision(method.id, [(METHODS, method)])


class Said(NamedTuple):
    """One answer that a client got."""

    at: float
    payment: str
    step: str
    key: str | None
    text: str  # the answer, encoded
    is_replay: bool
    began: float


class Witness:
    """Every answer that was given to anybody."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.asked: dict[str, str] = {}  # by payment: what was asked for last
        self.unanswered: list[tuple[str, str]] = []  # payment and step
        self.faults: list[str] = []


class Plan(NamedTuple):
    """One payment as its client means it."""

    name: str
    amount: int
    card: str
    manual: bool
    with_code: bool
    keyed: bool
    then: Sequence[tuple[str, int | None]]  # capture, cancel, refund, and how much


class Client:
    """One customer's shop, which does one thing after the other."""

    def __init__(
        self,
        world: World,
        slots: Sequence[Slot],
        witness: Witness,
        methods: dict[str, str],
        name: str,
    ) -> None:
        self.world, self.slots, self.witness, self.methods = world, slots, witness, methods
        self.name, self.rng = name, world.loop.rng
        self.stopping = False

    async def run(self) -> None:
        """Payments until it is told to stop."""
        number = 0
        await asyncio.sleep(self.rng.uniform(0, 3))
        while not self.stopping:
            number += 1
            await self.pay(self.plan(f"{self.name}-{number}"))
            await asyncio.sleep(self.rng.choice([0.0, 0.01, self.rng.uniform(0, 20)]))

    def plan(self, name: str) -> Plan:
        """Something a shop does."""
        rng = self.rng
        amount = rng.randint(1_000, 90_000)
        card = rng.choice([*CARDS, "pm_card_visa", "pm_card_visa", "pm_card_visa"])
        manual = rng.random() < 0.4
        then: list[tuple[str, int | None]] = []
        if manual:
            part = rng.choice([None, None, rng.randint(1, amount)])
            then.append(
                rng.choice([("capture", part), ("capture", None), ("cancel", None), ("idle", None)])
            )
        if not then or then[0][0] == "capture":
            left = then[0][1] if then and then[0][1] else amount
            for _ in range(rng.choice([0, 0, 1, 1, 2])):
                then.append(
                    (
                        "refund",
                        rng.choice([None, rng.randint(1, left), rng.randint(1, left // 2 + 1)]),
                    )
                )
        with_code = rng.random() < 0.5
        return Plan(name, amount, card, manual, with_code, rng.random() < 0.9, then)

    async def pay(self, plan: Plan) -> None:
        """Create and confirm, then whatever follows if that was paid."""
        if not plan.keyed:
            intent = await self._once(plan)
        else:
            intent = await self._created(plan)
        if intent is None:
            return
        pending: list[Awaitable[Any]] = []
        for number, (step, amount) in enumerate(plan.then):
            name = f"{step}{number}"
            work = self._follow(plan, name, step, amount, intent)
            if step == "refund" and self.rng.random() < 0.3:
                pending.append(self.world.loop.create_task(work))
            elif await work is None:
                break
        await asyncio.gather(*pending)

    # Steps

    async def _once(self, plan: Plan) -> str | None:
        """Without a key nobody asks twice."""
        replies = await self._send(plan.name, "create", None, [self._create(plan)])
        return _paid(replies)

    async def _created(self, plan: Plan) -> str | None:
        if self.rng.random() < 0.25:
            return await self._in_two_steps(plan)
        answer = await self._ask(plan, "create", self._create(plan))
        if answer is not None and self.rng.random() < 0.15:
            other = plan._replace(amount=plan.amount + 1)
            await self._misuse(plan, "create", self._create(other))
        return _paid([answer])

    async def _in_two_steps(self, plan: Plan) -> str | None:
        made = await self._ask(plan, "create", self._create(plan, confirm=False))
        if not isinstance(made, Answer):
            return None
        intent = msgspec.json.decode(made.snapshot)["id"]

        async def confirm(machine: Machine, merchant: Merchant) -> Reply:
            return await machine.payments.confirm(merchant, intent, Changes(), {}, self._card(plan))

        return _paid([await self._ask(plan, "confirm", confirm)])

    async def _follow(
        self, plan: Plan, name: str, step: str, amount: int | None, intent: str
    ) -> Answer | Refusal | None:
        async def ask(machine: Machine, merchant: Merchant) -> Reply:
            if step == "capture":
                return await machine.payments.capture(merchant, intent, amount, {})
            if step == "cancel":
                return await machine.payments.cancel(merchant, intent, "abandoned")
            return await machine.refunds.create(merchant, RefundRequest(None, intent, amount))

        if step == "idle":
            return None
        return await self._ask(plan, name, ask)

    def _create(self, plan: Plan, confirm: bool = True) -> Ask:
        async def ask(machine: Machine, merchant: Merchant) -> Reply:
            changes = Changes(
                plan.amount, "usd", None, "manual" if plan.manual else "automatic",
                Terms(metadata={"n": plan.name}), MethodChoice(self.methods[plan.card]),
            )  # fmt: skip
            card = self._card(plan) if confirm else None
            return await machine.payments.create(merchant, changes, confirm, card)

        return ask

    def _card(self, plan: Plan) -> CardDetails | None:
        if not plan.with_code:
            return None
        return CardDetails(Pan(CARDS[plan.card]), 12, 2049, Cvc("123"))

    # Asking

    async def _ask(self, plan: Plan, step: str, ask: Ask) -> Answer | Refusal | None:
        """Ask until it is answered, or give up; sometimes twice at once."""
        key = f"{plan.name}-{step}"
        tries = self.rng.choice([3, 60, 60, 60])
        for number in range(tries):
            copies = 1 + (self.rng.random() < self.world.faults.client_twice)
            for reply in await self._send(plan.name, step, key, [ask] * copies):
                if reply is not None:
                    return reply
            if self.stopping and number > 50:
                break
            await asyncio.sleep(self.rng.uniform(0.2, 3) * (1 + number / 4))
        if tries == 60:
            self.witness.unanswered.append((plan.name, step))
        return None

    async def _misuse(self, plan: Plan, step: str, ask: Ask) -> None:
        """The same key with other parameters is refused, whenever it is heard at all."""
        key = f"{plan.name}-{step}"
        reply = await self._reply(self._slot(), self._merchant(key, b"other"), ask)
        if isinstance(reply, (Answer, Replayed)) or (
            isinstance(reply, Refusal) and reply.type != "idempotency_error"
        ):
            self.witness.faults.append(f"{key} with other parameters was answered {reply}")

    async def _send(
        self, payment: str, step: str, key: str | None, asks: Sequence[Ask]
    ) -> list[Answer | Refusal | None]:
        began = self.world.loop.now
        slot = self._slot()
        slots = [slot, slot if self.rng.random() < 0.6 else self._slot()]
        works = [
            self._reply(slots[number], self._merchant(key, step.encode()), ask)
            for number, ask in enumerate(asks)
        ]
        replies = await asyncio.gather(*works)
        return [self._heard(payment, step, key, reply, began) for reply in replies]

    def _heard(
        self, payment: str, step: str, key: str | None, reply: Reply | None, began: float
    ) -> Answer | Refusal | None:
        """A final answer is remembered; whatever else may be asked again."""
        if reply is None or (isinstance(reply, Refusal) and not reply.saved):
            return None
        is_replay = isinstance(reply, Replayed)
        text = reply.answer if isinstance(reply, Replayed) else encode(reply)
        self.witness.said.append(
            Said(self.world.loop.now, payment, step, key, text, is_replay, began)
        )
        self.world.loop.note(f"client {payment} {step}: {type(reply).__name__}", text[:90])
        return decode(text)

    async def _reply(self, slot: Slot, merchant: Merchant, ask: Ask) -> Reply | None:
        """What comes back from a host over a network; None is anything that is no answer."""
        loop, faults = self.world.loop, self.world.faults
        await asyncio.sleep(self.rng.expovariate(100))
        machine = slot.machine
        if machine is None:
            return None
        reply: asyncio.Future[Reply | None] = loop.create_future()

        async def handle() -> None:
            try:
                found: Reply | None = await ask(machine, merchant)
            except NostroError as error:
                loop.note(f"request fails: {type(error).__name__}", f"{merchant.request} {error}")
                self.world.marks[type(error).__name__] += 1
                found = None
            except Exception as error:  # noqa: BLE001  the API would say 500: our mistake
                self.witness.faults.append(f"a request ends with {type(error).__name__}: {error}")
                found = None
            if self.rng.random() >= faults.client_deaf:
                loop.outside(self.rng.expovariate(100), _tell, reply, found)

        loop.on_host(machine.host, handle())
        done, _ = await asyncio.wait([reply], timeout=PATIENCE_SECONDS)
        return reply.result() if done else None

    def _slot(self) -> Slot:
        return self.rng.choice(self.slots)

    def _merchant(self, key: str | None, fingerprint: bytes) -> Merchant:
        world = self.world
        origin = Origin(world.account, False, "req_sim", key)
        request = None
        if key is not None:
            request = Request(f"{world.account}/{key}", "POST /v1", fingerprint, "req_sim")
        return Merchant(world.book, origin, FEE, request)


def _tell(future: "asyncio.Future[Any]", reply: Any) -> None:
    if not future.done():
        future.set_result(reply)


def _paid(replies: Sequence[Answer | Refusal | None]) -> str | None:
    """The intent's id, if it was paid or may yet be."""
    for reply in replies:
        if isinstance(reply, Answer):
            return str(msgspec.json.decode(reply.snapshot)["id"])
    return None


def intent_of(answer: Answer | Refusal) -> dict[str, Any] | None:
    """The payment that an answer shows."""
    text = answer.payment_intent if isinstance(answer, Refusal) else answer.snapshot
    if text is None:
        return None
    shown: dict[str, Any] = msgspec.json.decode(text)
    return shown if shown.get("object") == "payment_intent" else None
