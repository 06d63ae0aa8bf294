"""An acquirer that waits to be told: each call stops where a message leaves or is awaited, until a script goes on.

`Book` is what it keeps, by the rules of spec/payment.pml: one execution per reference, answers repeated, tombstones.
"""

import asyncio
from collections import Counter
from typing import Any

from nostro.kernel.capabilities import Capabilities
from nostro.kernel.outcome import (
    Approved,
    Declined,
    Evidence,
    Found,
    NotFound,
    Outcome,
    Rejected,
    Undone,
    Unknown,
)
from nostro.kernel.ports import CardDetails, PaymentMessage

UNDONE_BY_CANCEL = ("sale", "authorize")


class Gates:
    """Where one instance stands. It goes on when it is told to, and tells when it stands again."""

    def __init__(self) -> None:
        self.at, self.about = "idle", ""
        self._stands = asyncio.Event()
        self._go: asyncio.Future[Any] | None = None
        self._task: asyncio.Task[Any] | None = None

    async def reach(self, gate: str, about: str = "") -> Any:
        """Stop here until told to go on; what one is told is the result."""
        self.at, self.about = gate, about
        self._go = asyncio.get_running_loop().create_future()
        self._stands.set()
        return await self._go

    async def start(self, work: Any) -> None:
        """Begin, and run up to the first gate or the end."""
        self._task = asyncio.create_task(work)
        await self._until_it_stands()

    async def go(self, gate: str, told: Any = None) -> None:
        """Pass a gate, and run up to the next one or the end."""
        assert self.at == gate, f"it stands at {self.at}, not at {gate}"
        assert self._go is not None
        self._go.set_result(told)
        await self._until_it_stands()

    async def die(self) -> None:
        """Nothing of it goes on."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.at = "idle"

    def result(self) -> Any:
        """What the work came to."""
        assert self._task is not None and self._task.done(), f"it stands at {self.at}"
        return self._task.result()

    async def _until_it_stands(self) -> None:
        assert self._task is not None
        self._stands.clear()
        stands = asyncio.create_task(self._stands.wait())
        await asyncio.wait((stands, self._task), timeout=10, return_when=asyncio.FIRST_COMPLETED)
        stands.cancel()
        if self._task.done():
            self.at = "idle"
            self._task.result()  # raises what the work raised


class ScriptedAcquirer:
    """The acquirer as one instance meets it."""

    name = "scripted"
    capabilities = Capabilities()

    def __init__(self, gates: Gates, messages: dict[str, PaymentMessage]) -> None:
        self._gates, self._messages = gates, messages

    async def sale(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        return await self._send(message)

    async def authorize(self, message: PaymentMessage, card: CardDetails) -> Outcome:
        return await self._send(message)

    async def capture(self, message: PaymentMessage) -> Outcome:
        return await self._send(message)

    async def void(self, message: PaymentMessage) -> Outcome:
        return await self._send(message)

    async def refund(self, message: PaymentMessage) -> Outcome:
        return await self._send(message)

    async def inquire(self, reference: str) -> Found:
        found: Found = await self._gates.reach("to_inquire", reference)
        return found

    async def cancel(self, reference: str) -> Evidence:
        await self._gates.reach("to_cancel", reference)
        evidence: Evidence = await self._gates.reach("waiting_cancel", reference)
        return evidence

    async def _send(self, message: PaymentMessage) -> Outcome:
        self._messages[message.reference] = message
        not_sent: Outcome | None = await self._gates.reach("to_send", message.reference)
        if not_sent is not None:
            return not_sent
        outcome: Outcome = await self._gates.reach("waiting", message.reference)
        return outcome


class Book:
    """The acquirer's own book: what became of each reference, and how often money moved under it."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.executed: Counter[str] = Counter()
        self.messages: dict[str, PaymentMessage] = {}

    def arrive(self, reference: str, decided: str) -> str:
        """A message arrives. An unseen reference becomes what is `decided`; a known one is answered as before."""
        if reference not in self.states and decided in ("approved", "declined"):
            self.states[reference] = decided
            self.executed[reference] += decided == "approved"
        state = self.states.get(reference)
        return state if state in ("approved", "declined") else "rejected"

    def cancel(self, reference: str, operation: str) -> str:
        """A cancel arrives."""
        state = self.states.get(reference)
        if state == "approved" and operation not in UNDONE_BY_CANCEL:
            return "unknown"
        if state is None:
            self.states[reference] = "tombstone"
        elif state == "approved":
            self.states[reference] = "undone"
        return "undone"

    def answer(self, reference: str, word: str) -> Any:
        """The outcome that a word stands for."""
        if word == "approved":
            message = self.messages[reference]
            return Approved(f"acq_{reference}", message.amount, message.currency)
        return _ANSWERS[word]

    def inquire(self, reference: str) -> str:
        """What is found of a reference."""
        state = self.states.get(reference, "not_found")
        return "undone" if state == "tombstone" else state


_ANSWERS = {
    "declined": Declined("generic_decline", "05"),
    "rejected": Rejected("rate_limited"),
    "undone": Undone("cancelled by reference"),
    "unknown": Unknown("no answer"),
    "not_found": NotFound(),
}
