"""One seed from its first to its last moment: misery for some minutes, then healing, then the verdict."""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import psycopg

from nostro.events.commands import CreateEndpoint
from nostro.events.emit import Origin
from nostro.kernel.clock import DAY, MINUTE
from nostro.kernel.ids import Mint
from nostro.kernel.secret import Secret
from simulation import history, queued
from simulation import judge as judging
from simulation.clients import CARDS, Client, KeepMethod, Witness
from simulation.database import Line, Server
from simulation.faults import Faults, swarm
from simulation.hosts import FEE, Machine, Slot, World
from simulation.leaving import Leaving
from simulation.loop import Host, SimLoop
from simulation.mistakes import MISTAKES
from simulation.scene import CLOCK_STEP_MS, Scene, scene

CLIENTS = 7
HEALING_SECONDS = 900
LEAP_MS = 240_000
LATEST_SECONDS = 140  # nothing is under way for longer
TAIL = 60
NOT_PAID = {"declined", "rejected", "not_sent"}
CANCELLING = "a cancel of it may be on its way and undo it"
WRONG_AMOUNT = "the acquirer approved another amount"
BY_PEOPLE = "people conclude it"


@dataclass
class Outcome:
    """What became of a seed."""

    seed: int
    digest: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    virtual_seconds: float = 0.0
    seconds: float = 0.0
    story: str = ""
    what: str = ""  # how it was interrupted, where nothing is drawn


class Place:
    """A database, the book that is next in it, and the connections to it."""

    def __init__(self, app_url: str, owner_url: str, read_only_url: str) -> None:
        self.app_url = app_url
        # A plan is kept, and nobody counts the rows: one made for the first book would read all of the last.
        self.owner = psycopg.connect(owner_url, autocommit=True, options="-c enable_seqscan=off")
        self.reader = Line(read_only_url)
        history.prepare(self.owner)
        self._no_vacuum()
        self.lines: list[Line] = []
        self.book = 0
        self.left: list[
            SimLoop
        ] = []  # what dead hosts left would run its `finally` if it were let go

    def _no_vacuum(self) -> None:
        """It comes by the server's own time, which must not count."""
        tables = self.owner.execute(
            "SELECT format('ALTER TABLE %s SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)',"
            " c.oid::regclass) FROM pg_class AS c WHERE c.relkind = 'r'"
            " AND c.relnamespace IN ('nostro'::regnamespace, 'simulation'::regnamespace)"
        ).fetchall()
        for (text,) in tables:
            self.owner.execute(text)

    def next_book(self) -> int:
        """A fresh book: the cheapest clean slate."""
        self.book += 1
        given = (self.book,)
        self.owner.execute(
            "INSERT INTO nostro.books VALUES (%s, false, %s, 0)",
            (self.book, f"simulated {self.book}"),
        )
        self.owner.execute("INSERT INTO nostro.book_heads (book_id) VALUES (%s)", given)
        return self.book


class Simulation:
    """The hosts, clients and troubles of one seed."""

    def __init__(
        self, place: Place, seed: int, minutes: float, recording: bool, faults: Faults | None = None
    ) -> None:
        self.place, self.seed, self.minutes = place, seed, minutes
        self.faults = Faults()
        self.coming = swarm(seed) if faults is None else faults
        stage = scene(seed) if faults is None else Scene()
        self.loop = SimLoop(seed, recording)
        if stage.reports:  # the day ends after the misery
            self.loop.leap_ms = DAY - int((minutes * 60 + LATEST_SECONDS + 60) * 1_000)
        place.left.append(self.loop)
        self.server = Server(place.app_url, self.loop, self.faults, place.lines)
        book = place.next_book()
        leaving = Leaving(self.loop, place.owner, book)
        account = f"acct_simulated{book:05d}"
        self.world = World(self.loop, self.faults, self.server, book, account, leaving, stage)
        self.witness = Witness()
        self.slots: list[Slot] = []
        self.counts: Counter[str] = Counter()

    def run(self) -> Outcome:
        """Raises nothing: what is wrong is in the outcome."""
        outcome = Outcome(self.seed)
        began = time.perf_counter()
        try:
            self.loop.run_until_complete(self._main())
            outcome.faults = self._judged(outcome)
        except Exception as error:  # noqa: BLE001  a seed that cannot be finished has failed
            outcome.faults = [("simulation", f"{type(error).__name__}: {error}")]
            outcome.story = self._tail([])
        finally:
            for session in list(self.server.sessions):
                self.server.end(session)
        outcome.faults += [
            ("mistake", text) for text in MISTAKES.taken() if not self._provoked(text)
        ]
        outcome.story = outcome.story or "\n".join(self.loop.events or ())
        outcome.digest = self.loop.digest.hexdigest()
        outcome.virtual_seconds = self.loop.now
        outcome.seconds = time.perf_counter() - began
        outcome.counts = self.counts + self.server.counts
        for book in self.world.acquirers.values():
            outcome.counts += book.counts
        outcome.counts += self.world.receivers.counts + self.world.notices.counts
        outcome.marks = self._marks()
        return outcome

    async def _main(self) -> None:
        loop = self.loop
        methods = await self._set_up()
        for name in ("api-1", "api-2"):
            self.slots.append(Slot(self.world, name, lambda machine: None))
        workers = [Slot(self.world, name, self._work) for name in ("work-1", "work-2")]
        vars(self.faults).update(vars(self.coming))
        clients = [
            Client(self.world, self.slots, self.witness, methods, f"c{number}")
            for number in range(CLIENTS)
        ]
        tasks = [loop.create_task(client.run()) for client in clients]
        troubles = [loop.create_task(one) for one in self._troubles([*self.slots, *workers])]
        await asyncio.sleep(self.minutes * 60)
        for trouble in troubles:
            trouble.cancel()
        await self._heal(clients)
        if self.world.scene.reports:
            await self._end_the_day()
        async with asyncio.timeout(HEALING_SECONDS):
            await asyncio.gather(*tasks)
        await self._quiet()

    async def _end_the_day(self) -> None:
        """Wait for what is under way, then until the report of the day is final; the workers read it."""
        await asyncio.sleep(LATEST_SECONDS - 20)
        while self.world.acquirer.is_maturing():
            await asyncio.sleep(1)
        now = self.loop.true_ms()
        if now % DAY > DAY // 2:
            self.loop.leap_ms += DAY - now % DAY + 11 * MINUTE
        self.loop.note("THE DAY IS OVER")

    async def _set_up(self) -> dict[str, str]:
        """The account, its cards on file and its webhook endpoint, before anything goes wrong."""
        world = self.world
        machine = Machine(world, Host("set-up", "set-up"))
        await machine.merchants.create_account(
            "Simulated", account=world.account, fee=FEE, books=(world.book, world.book)
        )
        methods = {}
        for token in CARDS:
            command = KeepMethod(world.book, machine.entropy.bytes(16), world.account, token)
            methods[token] = await machine.committer.run(command)
        identifier = Mint(machine.entropy.bytes(16), world.book, self.loop.true_ms()).new("we")
        secret = world.box().seal(Secret("whsec_simulated"), world.account, identifier)
        origin = Origin(world.account, False)
        await machine.committer.run(
            CreateEndpoint(
                world.book, machine.entropy.bytes(16), origin, identifier,
                "https://shop.example/hook", ("*",), secret,
            )
        )  # fmt: skip
        await machine.committer.close()
        await machine.pool.close()
        return methods

    def _work(self, machine: Machine) -> None:
        self.loop.on_host(machine.host, machine.worker())

    # Troubles

    def _troubles(self, slots: list[Slot]):  # type: ignore[no-untyped-def]
        faults, rng, world = self.faults, self.loop.rng, self.world

        async def every(seconds: float, happen) -> None:  # type: ignore[no-untyped-def]
            while seconds:
                await asyncio.sleep(rng.expovariate(1 / seconds))
                happen()

        def power() -> None:
            self.counts["power cut"] += 1
            rng.choice(slots).power_off(rng.choice([0.2, rng.uniform(0.5, 15)]))

        def stall() -> None:
            machine = rng.choice(slots).machine
            if machine is not None:
                self.counts["stall"] += 1
                self.loop.note(f"stall: {machine.host.instance}")
                self.loop.freeze(machine.host, rng.choice([1, 8, 30]) * rng.uniform(0.5, 1.5))

        def step() -> None:
            machine = rng.choice(slots).machine
            if machine is not None:
                self.counts["clock step"] += 1
                largest = rng.choice([1_000, 30_000, 90_000])
                if world.scene.manner.name == "forgets":
                    largest = CLOCK_STEP_MS
                machine.host.clock_ms = int(largest * rng.uniform(-1, 1))
                self.loop.note(f"clock of {machine.host.instance}: {machine.host.clock_ms}")

        def days() -> None:
            self.counts["days passed"] += 1
            world.days_ms += 86_400_000 if world.days_ms < 5 * 86_400_000 else 0

        yield every(faults.power_every, power)
        yield every(faults.stall_every, stall)
        yield every(faults.clock_step_every, step)
        yield every(faults.days_pass_every, days)
        restart = lambda: self.server.restart(rng.choice([0.05, 2, 14]) * rng.random())
        yield every(faults.server_restart_every, restart)

    async def _heal(self, clients: list[Client]) -> None:
        self.loop.note("HEALED")
        self.faults.heal()
        for client in clients:
            client.stopping = True
        for slot in self.world.slots:
            if slot.machine is not None:
                slot.machine.host.clock_ms = 0

    async def _quiet(self) -> None:
        """Wait until nothing is left to do; where only time is missing, all clocks leap."""
        until = self.loop.now + HEALING_SECONDS
        while True:
            # Never the same: who looks exactly as often would each time find the leases ended by the leap.
            await asyncio.sleep(self.loop.rng.uniform(3, 5))
            money, rest = judging.unfinished(self.place.owner, self.world.book)
            money -= queued.count(self.world, self.place.owner)
            behind = not money and not rest and self._unheard()
            if not (money or rest or behind):
                return
            if self.loop.now > until:
                self.loop.note(f"not quiet: {money} {rest} {behind}")
                return
            if not money:
                self.loop.leap_ms += LEAP_MS

    def _unheard(self) -> bool:
        rows = self.place.owner.execute(
            "SELECT count(*) FROM nostro.events WHERE book_id = %s", (self.world.book,)
        ).fetchone()
        heard = self.world.receivers.accepted.values()
        return rows is not None and rows[0] > max((len(one) for one in heard), default=0)

    # The verdict

    def _judged(self, outcome: Outcome) -> list[tuple[str, str]]:
        judge = judging.Judge(self.world, self.witness, self.place.owner)
        found = [*judge.faults(), *judging.log_agrees(self.world, self.place.owner)]
        found += self.world.leaving.faults + self.world.notices.faults
        found += history.changes_are_lawful(self.place.owner, self.world.book)
        found += self.loop.run_until_complete(judging.verified(self.world, self.place.reader))
        self.counts["payments"] = len(judge.intents)
        self.counts["refunds"] = len(judge.refunds)
        self.counts["batches"] = len(judge.keys) and self._batches()
        self.counts["answers"] = len(self.witness.said)
        self._count_waiting(judge)
        self.world.marks["stolen lease"] += sum(
            row["epoch"] > 1 for row in (*judge.attempts.values(), *judge.refunds.values())
        )
        if found:
            subject = next((one for one, _ in found if one in judge.intents), found[0][0])
            outcome.story = self._tail(judge.references(subject)) + judge.story(subject)
        return found

    def _count_waiting(self, judge: judging.Judge) -> None:
        """What ends in a queue, and who was tried after whom."""
        marks, manner = self.world.marks, self.world.scene.manner
        waiting = [*judge.waiting.values(), *judge.waiting_refunds.values()]
        for row in waiting:
            self.counts[f"waits: {row['awaiting']}"] += 1
            marks["a message waits in a queue"] += 1
            if manner.forget_after_ms:
                marks["a message past its replay window"] += 1
        tries: dict[str, list[str]] = defaultdict(list)
        for row in judge.attempts.values():
            if row["operation"] in ("sale", "authorize"):
                tries[row["intent"]].append(row["state"])
        for states in tries.values():
            for state in sorted(set(states) & NOT_PAID) if len(states) > 1 else ():
                marks[f"another acquirer, and one had {state}"] += 1

    def _provoked(self, text: str) -> bool:
        """An alarm that the world has earned."""
        counts = sum((book.counts for book in self.world.acquirers.values()), Counter())
        if self.world.scene.reports and text.endswith((CANCELLING, "lines for a person")):
            return True  # each line for a person is told by itself too
        told_wrongly = counts["approved in part"] + counts["line that says another amount"]
        if told_wrongly and " instead of " in text:
            return True
        earned = counts["wrong amount"] + counts["approved in part"] > 0
        return earned and text.endswith((WRONG_AMOUNT, BY_PEOPLE))

    def _batches(self) -> int:
        row = self.place.owner.execute(
            "SELECT next_batch FROM nostro.book_heads WHERE book_id = %s", (self.world.book,)
        ).fetchone()
        return int(row[0]) if row else 0

    def _marks(self) -> Counter[str]:
        theirs = sum((book.counts for book in self.world.acquirers.values()), Counter())
        sent = self.world.receivers.counts
        marks = Counter(self.world.marks)
        marks["late original refused by a tombstone"] = theirs[
            "refused by a tombstone, cancelled_reference"
        ]
        marks["a repeat was refused"] = theirs["repeat refused"]
        marks["stall between intend and send"] = theirs["stall between intend and send"]
        marks["webhook retried"] = (
            sum(
                count - 1
                for heard in self.world.receivers.accepted.values()
                for count in heard.values()
            )
            + sent["webhook refused"]
        )
        return +marks

    def _tail(self, names: list[str]) -> str:
        """The last events, and before them those of the payment at fault."""
        events = list(self.loop.events or ())
        own = [line for line in events if any(name in line for name in names)]
        return "\n".join(
            ["-- of this payment", *own[-TAIL:], "-- the last of all", *events[-TAIL:], ""]
        )


def simulate(
    place: Place, seed: int, minutes: float, recording: bool = False, faults: Faults | None = None
) -> Outcome:
    """One seed. A power cut's leftovers stay in memory: end the process after some dozens."""
    return Simulation(place, seed, minutes, recording, faults).run()
