"""Notifications of the acquirer: signed as the sandbox signs them, over a way that loses, doubles and reorders them."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from nostro.kernel.errors import NostroError
from nostro.notifications.service import Received
from nostro.wire.webhook_signature import sign
from sandbox.answers import encode, operation_body
from sandbox.model import Operation
from simulation.acquirer import IDENTITY, Book
from simulation.faults import Faults
from simulation.loop import SimLoop

if TYPE_CHECKING:
    from simulation.hosts import Machine, World

SECRET, NOT_THE_SECRET = "a secret of the acquirer's", "somebody else's"
PATIENCE_SECONDS = 20.0
_PREFIX = "api-"


class Notices:
    """Tells of each operation until it is taken, and now and then of something that never was, badly signed."""

    def __init__(self, loop: SimLoop, faults: Faults, world: "World", book: Book) -> None:
        self._loop, self._faults, self._world, self._book = loop, faults, world, book
        self._told: set[int] = set()
        self.counts: Counter[str] = Counter()
        self.faults: list[tuple[str, str]] = []
        book.on_done = self.tell

    def tell(self, row: Operation) -> None:
        """Of what was just decided; a repeat's answer is no news."""
        if row.seq not in self._told:
            self._told.add(row.seq)
            self._loop.on_host(None, self._until_taken(row))

    async def _until_taken(self, row: Operation) -> None:
        rng, faults = self._loop.rng, self._faults
        while True:
            slow = rng.random() < faults.notice_slow
            await asyncio.sleep(rng.uniform(1, 60) if slow else rng.expovariate(5))
            if rng.random() < faults.notice_forged:
                await self._forge(row)
            if rng.random() < faults.notice_lost:
                self.counts["notification lost"] += 1
            elif await self._sent(row) and rng.random() >= faults.notice_lost:
                if rng.random() >= faults.notice_twice:
                    return
                self.counts["notification once more"] += 1
            await asyncio.sleep(rng.uniform(0.5, 5))

    async def _sent(self, row: Operation) -> bool:
        shown = msgspec.to_builtins(operation_body(row, IDENTITY))
        body = encode({"id": f"ntf_{IDENTITY.acquirer_reference(row.seq)}", **shown})
        received = await self._posted(SECRET, body)
        self._loop.note(f"notification: {received}", f"{row.reference} {row.state}")
        if received in (Received.FORGED, Received.NOBODY):
            self.faults.append((row.reference, f"a notification was answered {received}"))
        return received is Received.WELL

    async def _forge(self, row: Operation) -> None:
        """The contrary of what is true, by somebody who has not the secret."""
        state = "declined" if row.state == "approved" else "approved"
        shown = msgspec.to_builtins(operation_body(row, IDENTITY))
        body = encode({"id": "ntf_forged", **shown, "state": state, "outcome": state})
        received = await self._posted(NOT_THE_SECRET, body)
        self.counts["notification forged"] += 1
        if received not in (None, Received.FORGED):
            self.faults.append((row.reference, f"a forged notification was answered {received}"))

    async def _posted(self, secret: str, body: bytes) -> Received | None:
        """What a host answers over a network; None is anything that is no answer."""
        loop = self._loop
        hosts = [slot for slot in self._world.slots if slot.name.startswith(_PREFIX)]
        machine = loop.rng.choice(hosts).machine if hosts else None
        if machine is None:
            return None
        signature = sign(body, [secret], loop.true_ms() // 1_000)
        reply: asyncio.Future[Received | None] = loop.create_future()
        loop.on_host(machine.host, self._take(machine, signature, body, reply))
        done, _ = await asyncio.wait([reply], timeout=PATIENCE_SECONDS)
        return reply.result() if done else None

    async def _take(
        self,
        machine: "Machine",
        signature: str,
        body: bytes,
        reply: "asyncio.Future[Received | None]",
    ) -> None:
        found: Received | None = None
        try:
            found = await machine.inbox.receive(self._book.name, signature, body)
        except NostroError as error:
            self._loop.note(f"notification fails: {type(error).__name__}")
        except Exception as error:  # noqa: BLE001  the API would say 500: our mistake
            self.faults.append(
                ("inbox", f"a notification ends with {type(error).__name__}: {error}")
            )
        self._loop.outside(self._loop.rng.expovariate(100), _tell, reply, found)


def _tell(future: "asyncio.Future[Received | None]", found: Received | None) -> None:
    if not future.done():
        future.set_result(found)
