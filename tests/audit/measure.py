"""What the audit log costs a payment: `python -m tests.audit.measure` prints microseconds per command, its two steps apart.

Real commands are decided over a batch's view in memory; the trail, the seal and the statement are timed by themselves.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from nostro.audit import leaves, merkle, store
from nostro.audit.record import AuditRecord
from nostro.db import overlay as overlays
from nostro.db.overlay import Overlay
from nostro.db.session import Statement, encode
from nostro.db.trail import Trail
from nostro.events.emit import Origin
from nostro.idempotency.commands import Guarded
from nostro.idempotency.model import Request
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.command import Command, Decision
from nostro.kernel.money import FeeSchedule
from nostro.kernel.outcome import Approved
from nostro.ledger.fold import Fold
from nostro.payment_methods.commands import Draft
from nostro.payment_methods.model import CardFacts
from nostro.payments.commands import Changes, CreateIntent, MethodChoice, Sender
from nostro.payments.model import Terms
from nostro.payments.settle import Settle
from nostro.routing.model import Routes
from nostro.system import SystemEntropy

BOOK, BATCH, ROUNDS = 1, 64, 40
NOW = BusinessTime(1_795_000_000_000)
ORIGIN = Origin(
    "acct_1", False, "req_0123456789abcd", None, "key_0123456789abcdef01234567", "192.0.2.1"
)
ENTROPY = SystemEntropy()
FACTS = CardFacts("visa", "credit", "US", "4242", 12, 2049, "0123456789abcdef")


class Seen:
    """What one command decided, kept so that its trail can be followed again."""

    def __init__(
        self, command: Command[Any], rows: dict[Any, Any], decision: Decision[Any]
    ) -> None:
        self.command, self.decision = command, decision
        self.rows = {
            (table.name, table.key_of(row)): rows.get((table.name, table.key_of(row)))
            for table, row in decision.rows
        }


def salt() -> bytes:
    return ENTROPY.bytes(16)


def create(number: int) -> Guarded:
    """A payment, created and confirmed under an idempotency key."""
    changes = Changes(
        1_000 + number, "usd", None, "automatic", Terms(), MethodChoice(draft=Draft(FACTS, "t"))
    )
    sender = Sender(
        "api", Routes(("sandbox",)), SystemTime(NOW + 2_000), SystemTime(NOW + 20_000), f"k{number}"
    )
    command = CreateIntent(BOOK, salt(), ORIGIN, changes, True, sender)
    return Guarded(command, Request(f"acct_1/k{number}", "/v1/x", b"f", "req_1"))


def decided() -> tuple[list[Seen], list[Seen], dict[str, Any]]:
    """A batch of payments as they are intended, and as they are settled; the holds they leave."""
    found: dict[str, list[Seen]] = {"intend": [], "settle": []}
    view = Overlay({}, Fold({}, {}, 1, 1, NOW), NOW, SystemTime(NOW), salt)
    kind = "intend"

    class Watching(Trail):
        def __init__(self, rows: Any, holds: Any, decision: Decision[Any]) -> None:
            found[kind].append(Seen(command, rows, decision))
            super().__init__(rows, holds, decision)

    overlays.Trail = Watching  # type: ignore[misc]
    attempts = []
    for number in range(BATCH):
        command: Any = create(number)
        attempts.append(view.decide(command, command.reads()).row)
    kind = "settle"
    for attempt in attempts:
        evidence = Approved("acq", attempt.amount, "usd")
        command = Settle(
            BOOK, salt(), ORIGIN, attempt, evidence, FeeSchedule(290, 30), NOW, SystemTime(NOW)
        )
        view.decide(command, command.reads())
    overlays.Trail = Trail  # type: ignore[misc]
    return found["intend"], found["settle"], view.fold.holds


def follow(seen: list[Seen], holds: Any) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    for one in seen:
        trail = Trail(one.rows, holds, one.decision)
        records += trail.records(one.command, one.decision.answer, holds, salt)
    return records


def seal(records: list[AuditRecord]) -> bytes:
    return merkle.root(
        [
            merkle.leaf_hash(
                leaves.audit_record(
                    BOOK, number, record.action, record.subject, record.changes, record.actor,
                    record.request_id, record.outcome, record.address_hash,
                )
            )
            for number, record in enumerate(records)
        ]
    )  # fmt: skip


def statement(records: list[AuditRecord]) -> object:
    return encode([Statement(*store.insert(records, BOOK, 1, 1))])


def microseconds(work: Callable[[], object]) -> float:
    """Per command of the batch: the median round."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - began)
    return statistics.median(rounds) * 1e6 / BATCH


def main() -> None:
    intend, settle, holds = decided()
    for name, seen in (("intend", intend), ("settle", settle)):
        records = follow(seen, holds)
        assert len(records) == BATCH
        parts = (
            microseconds(lambda seen=seen: follow(seen, holds)),  # type: ignore[misc]
            microseconds(lambda records=records: seal(records)),  # type: ignore[misc]
            microseconds(lambda records=records: statement(records)),  # type: ignore[misc]
        )
        print(
            f"{name}: trail {parts[0]:.1f}, seal {parts[1]:.1f}, statement {parts[2]:.1f} µs per command"
        )


if __name__ == "__main__":
    main()
