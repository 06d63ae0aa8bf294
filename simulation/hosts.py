"""Hosts: the product's services and worker, wired as its own graph wires them, to a world that is simulated."""

from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

from nostro.acquirers.sandbox_notices import SandboxNotices
from nostro.api.render import encode, event
from nostro.db.committer import Committer, _Waiting
from nostro.db.pool import Pool
from nostro.events.delivery import Deliveries
from nostro.events.model import Endpoint, Event
from nostro.idempotency.commands import Guarded
from nostro.kernel.answer import Refusal
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.clock import SystemTime
from nostro.kernel.command import Command, Decision, Reads, View
from nostro.kernel.errors import CommitUnknown
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Operation
from nostro.kernel.ports import Acquirer, Clock, Notification, ReportSource
from nostro.kernel.secret import Secret
from nostro.merchants.service import Merchants
from nostro.notifications.reports import Reports
from nostro.notifications.service import Inbox, Source
from nostro.payments.due import due_attempts
from nostro.payments.service import Payments
from nostro.payments.settle import Settled
from nostro.refunds.due import due_refunds
from nostro.refunds.messages import Message
from nostro.refunds.service import Refunds
from nostro.routing.breaker import Circuit, State
from nostro.routing.health import Health
from nostro.routing.model import BreakerTerms, Routes, Rules
from nostro.vault.keyring import Keyring
from nostro.vault.presealed import PresealedCards
from nostro.vault.sealing import Vault
from nostro.vault.service import CardVault
from nostro.vault.text_seal import TextSeal
from nostro.work.duties import (
    Book,
    Desk,
    Duty,
    ExpiringHolds,
    PruningKeys,
    ReleasingFunds,
    ReleasingHolds,
    Resolving,
    TellingSettings,
)
from nostro.work.leases import Lease
from nostro.work.log_duties import TakingSnapshots
from nostro.work.loop import Worker
from nostro.work.report_duty import ReadingReports
from nostro.work.webhooks import RetryingDeliveries, ServingEndpoints
from simulation.acquirer import Book as AcquirerBook
from simulation.acquirer import SimAcquirer
from simulation.database import Server
from simulation.faults import Faults
from simulation.leaving import Leaving
from simulation.loop import Host, SimClock, SimEntropy, SimLoop
from simulation.notices import SECRET, Notices
from simulation.receivers import Receivers
from simulation.scene import FIRST, SECOND, Scene

FEE = FeeSchedule(290, 30)
# Few clients open a circuit too, and a decline that is called soft is tried elsewhere.
RULES = Rules(soft_declines=("generic_decline",), breaker=BreakerTerms(calls_min=3))
_ENTROPY = SimEntropy("vault")
KEYRING = Keyring.from_root(Secret("a root key that is long enough for a simulation"))
_VAULT = Vault(KEYRING, _ENTROPY)
_VAULT.use(_VAULT.new_data_key(SystemTime(0)))
_PRESEALED = PresealedCards(_VAULT, date(2026, 1, 1))


class SimCommitter(Committer):
    """The product's committer; it only tells what its batches were like."""

    marks: Counter[str]

    async def _commit(self, batch: list[_Waiting]) -> None:
        keys = [item.command.request.id for item in batch if isinstance(item.command, Guarded)]
        await super()._commit(batch)
        if len(batch) > 1:
            self.marks["batch larger than one"] += 1
            if len(set(keys)) < len(keys):
                self.marks["one key twice in one batch"] += 1
            if any(isinstance(item.answer, Refusal) for item in batch):
                self.marks["refusal inside a batch"] += 1

    async def _committed_after_all(self, work: Any) -> bool:
        if len(work.waiting) > 1:
            self.marks["commit in doubt of a batch larger than one"] += 1
        found = await super()._committed_after_all(work)
        self.marks["in doubt, and committed" if found else "in doubt, and not committed"] += 1
        return found

    def _fail(self, batch: Any, error: BaseException) -> None:
        if isinstance(error, CommitUnknown) and len(batch) > 1:
            self.marks["CommitUnknown of a batch larger than one"] += 1
        super()._fail(batch, error)


class World:
    """What all hosts of a seed share."""

    def __init__(
        self,
        loop: SimLoop,
        faults: Faults,
        server: Server,
        book: int,
        account: str,
        leaving: Leaving,
        scene: Scene,
    ) -> None:
        self.loop, self.faults, self.server = loop, faults, server
        self.book, self.account, self.leaving = book, account, leaving
        self.scene = scene
        first = AcquirerBook(loop, faults, FIRST, scene.manner, scene.misreported)
        self.acquirers = {FIRST: first}
        if scene.has_second:
            self.acquirers[SECOND] = AcquirerBook(loop, faults, SECOND)
        self.notices = Notices(loop, faults, self, first)
        self.receivers = Receivers(loop, faults)
        self.marks: Counter[str] = Counter()
        self.days_ms = 0  # business time alone
        self.slots: list[Slot] = []

    @property
    def acquirer(self) -> AcquirerBook:
        """The first one."""
        return self.acquirers[FIRST]

    def box(self) -> TextSeal:
        return TextSeal(KEYRING, _ENTROPY)


class SimHealth(Health):
    """The product's circuits; it only tells when one opens."""

    def __init__(self, clock: Clock, terms: BreakerTerms, marks: Counter[str]) -> None:
        super().__init__(clock, terms)
        self._marks = marks

    def _keep(self, acquirer: str, operation: Operation, before: Circuit, after: Circuit) -> None:
        super()._keep(acquirer, operation, before, after)
        if after.state is State.OPEN and before.state is not State.OPEN:
            self._marks["a circuit opened"] += 1


class SimInbox(Inbox):
    """The product's inbox; it only tells what it settled, and by which word."""

    marks: Counter[str]

    async def _settling(
        self, book: int, live: bool, message: Message, told: Notification
    ) -> Command[Settled]:
        settling = await super()._settling(book, live, message, told)
        word = "a report line" if "/" in told.id else "a notification"
        return _Told(settling, self.marks, f"{word} settled an unknown", message.state == "unknown")


class _Told:
    """A settling that tells whether it counted."""

    def __init__(
        self, inner: Command[Settled], marks: Counter[str], mark: str, was_unknown: bool
    ) -> None:
        self._inner, self._marks, self._mark = inner, marks, mark
        self._was_unknown = was_unknown
        self.book, self.seed = inner.book, inner.seed

    def reads(self) -> Reads:
        return self._inner.reads()

    def decide(self, view: View) -> Decision[Settled]:
        decision = self._inner.decide(view)
        if decision.answer.applied and self._was_unknown:
            self._marks[self._mark] += 1
        return decision


class OneBook(Merchants):
    """Knows the book of its own seed alone: the others in this database are other worlds."""

    only = 0

    async def books(self) -> list[tuple[int, bool]]:
        return [(self.only, False)]


class Machine:
    """One host's object graph."""

    def __init__(self, world: World, host: Host) -> None:
        self.world, self.host = world, host
        loop = world.loop
        self.clock = SimClock(loop, host, lambda: world.days_ms)
        self.entropy = SimEntropy(f"{loop.rng.random()} {host.instance}")
        connect = world.server.connect
        self.pool = Pool("", open_session=connect)
        self.committer = SimCommitter(world.book, connect, self.clock, self.entropy)
        self.committer.marks = world.marks
        cards = CardVault(_VAULT, _PRESEALED, self.pool, self.clock, self.entropy)
        acquirers: dict[str, Acquirer] = {
            name: SimAcquirer(
                loop, book, world.faults, self.clock, world.leaving,
                world.scene.capabilities if name == FIRST else Capabilities(),
            )
            for name, book in world.acquirers.items()
        }  # fmt: skip
        given = (acquirers, cards, self.clock, self.entropy, host.instance)
        routes = Routes(tuple(acquirers), RULES)
        self.payments = Payments(self.decider, self.pool, *given, routes=routes)
        self.payments.health = SimHealth(self.clock, RULES.breaker, world.marks)
        self.refunds = Refunds(
            self.decider, self.pool, acquirers, self.clock, self.entropy, host.instance
        )
        self.merchants = OneBook(self.pool, Secret("k" * 40), self.clock, self.entropy)
        self.merchants.only = world.book
        notices = SandboxNotices(Secret(SECRET), self.clock)
        self.inbox = SimInbox(
            self.decider, self.pool, {FIRST: Source(notices, world.scene.capabilities)},
            self.merchants, self.payments, self.refunds, self.entropy,
        )  # fmt: skip
        self.inbox.marks = world.marks
        self.reports = Reports(self.pool, self.inbox, self.merchants)

    def decider(self, book: int) -> Committer:
        assert book == self.world.book
        return self.committer

    def worker(self) -> Coroutine[Any, Any, None]:
        """Every duty of the book, as the worker of a process runs them."""
        book = Book(self.world.book, False)

        async def books() -> list[Book]:
            return [book]

        return Worker(books, self._duties, self.pool, self.clock, self.host.instance).run()

    def _duties(self, book: Book, lease: Lease) -> list[Duty]:
        desk = Desk(self.decider, self.pool, self.clock, self.entropy)
        deliveries = Deliveries(
            self.decider, self.pool, {False: self.world.receivers}, self._rendered,
            self.world.box(), self.clock, self.entropy,
        )  # fmt: skip

        reports = self.world.scene.reports

        def held() -> bool:
            return lease.held

        return [
            Resolving("attempts", book, desk, due_attempts, self._marked(self.payments), _fee_of),
            Resolving("refunds", book, desk, due_refunds, self.refunds, _fee_of),
            ReleasingFunds(book, desk),
            ExpiringHolds(book, desk),
            ReleasingHolds(book, desk),
            PruningKeys(book, desk),
            TellingSettings(book, desk, self.merchants),
            ServingEndpoints(book.id, deliveries, self.clock, held),
            RetryingDeliveries(book.id, deliveries, self.clock, held),
            TakingSnapshots(book, desk),
            *([ReadingReports(book, desk, self.reports, self._sources())] if reports else []),
        ]

    def _sources(self) -> dict[str, ReportSource]:
        return {FIRST: self.world.acquirer}

    def _marked(self, payments: Payments) -> Any:
        return _Marked(payments, self.world.marks)

    async def _rendered(self, book: int, happened: Event, endpoint: Endpoint) -> bytes:
        return encode(event(happened, endpoint.api_version or "2026-07-29.dahlia"))


class _Marked:
    """Payments as the worker resolves them; counts what was recovered."""

    def __init__(self, payments: Payments, marks: Counter[str]) -> None:
        self._payments, self._marks = payments, marks

    async def resolve(self, merchant: Any, identifier: str) -> object:
        settled = await self._payments.resolve(merchant, identifier)
        if settled is not None and settled.applied:
            self._marks["recovered attempt"] += 1
            if merchant.origin.key:
                self._marks["recovered key"] += 1
        return settled


async def _fee_of(account: str) -> FeeSchedule:
    return FEE


class Slot:
    """A place for a host: what runs there, and how it starts again after a power cut."""

    def __init__(self, world: World, name: str, start: Callable[[Machine], None]) -> None:
        self.world, self.name, self._start = world, name, start
        self.starts = 0
        self.machine: Machine | None = None
        world.slots.append(self)
        self.power_on()

    def power_on(self) -> None:
        """A new instance, which knows only what is committed."""
        self.starts += 1
        host = Host(self.name, f"{self.name}.{self.starts}")
        self.machine = Machine(self.world, host)
        self._start(self.machine)

    def power_off(self, seconds: float) -> None:
        """No `finally` runs. It starts again after a while."""
        machine, self.machine = self.machine, None
        if machine is None:
            return
        self.world.loop.note(f"power cut: {machine.host.instance}")
        self.world.loop.cut_power(machine.host)
        self.world.server.lost_power(machine.host)
        self.world.loop.outside(seconds, self.power_on)
