"""The verdict on a seed, from our tables, the acquirer's book, the receivers and the witness; no program's word counts.

Each check yields (what is at fault, what is wrong with it).
"""

import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from nostro.audit import merkle
from nostro.db.session import Statement
from nostro.db.snapshot import BEGIN, WHOLE_SETS, DatabaseSnapshot
from nostro.kernel.answer import decode
from nostro.ledger.sealed import NO_LEAF
from nostro.payments.machine import INTENT, IntentStatus
from nostro.refunds.machine import REFUND, RefundState
from nostro.verification.acquirer_book import Line
from nostro.verification.service import verify
from sandbox.model import Operation
from simulation import queued
from simulation.clients import Said, Witness, intent_of
from simulation.database import BlockingSession
from simulation.database import Line as Connection
from simulation.hosts import World
from simulation.loop import Host, SimClock

Fault = tuple[str, str]
Row = dict[str, Any]
PAID = (IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE)
JUDGE_ALL = -3_600  # seconds: nothing is too young
OPEN_REFUNDS = ("sending", "unknown", "accepted", "provisional")
UNFINISHED = """
SELECT
    (SELECT count(*) FROM nostro.payment_attempts
     WHERE book_id = %(book)s AND state IN ('sending', 'unknown'))
    + (SELECT count(*) FROM nostro.payment_intents
       WHERE book_id = %(book)s AND status = 'processing')
    + (SELECT count(*) FROM nostro.idempotency_keys
       WHERE book_id = %(book)s AND answer IS NULL)
    + (SELECT count(*) FROM nostro.refunds
       WHERE book_id = %(book)s AND state IN ('sending', 'unknown', 'accepted', 'provisional')),
    (SELECT count(*) FROM nostro.webhook_deliveries WHERE book_id = %(book)s AND state = 'due')
    + (SELECT count(*) FROM nostro.setting_changes WHERE book = %(book)s)
"""


def unfinished(database: "psycopg.Connection[Any]", book: int) -> tuple[int, int]:
    """How much money is not final, and how much else is still to do."""
    row = database.execute(UNFINISHED, {"book": book}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


class Judge:
    """The evidence of one seed."""

    def __init__(self, world: World, witness: Witness, database: "psycopg.Connection[Any]") -> None:
        self.world, self.witness, self.database = world, witness, database
        self.executed = [row for book in world.acquirers.values() for row in book.executed]
        for book in world.acquirers.values():
            book.lines()  # what has matured by now
        self.operations = {row.reference: row for row in self.executed}
        self.stood = {
            key: spans for book in world.acquirers.values() for key, spans in book.stood.items()
        }
        self.intents = self._rows("payment_intents")
        self.attempts = self._rows("payment_attempts")
        self.charges = self._rows("charges")
        self.refunds = self._rows("refunds")
        self.keys = self._rows("idempotency_keys")
        self.intent_of = {
            row["id"]: row["intent"] for row in (*self.attempts.values(), *self.refunds.values())
        }
        books = world.acquirers.values()
        standing = {one for book in books for one in book.standing_in_part()}
        self.waiting, self.waiting_refunds = queued.waiting(world, database)
        self.queued = {row["intent"]: row for row in self.waiting.values()}
        self.for_a_person = {self.intent_of.get(one, "?") for one in standing}
        self.charges_there: dict[str, list[Operation]] = defaultdict(list)
        for row in self.executed:
            if row.operation in ("sale", "authorize"):
                self.charges_there[self.intent_of.get(row.reference, "?")].append(row)

    def faults(self) -> list[Fault]:
        """Everything that is wrong, but for what `nostro verify` finds."""
        return [
            *(("witness", fault) for fault in self.witness.faults),
            *self.everything_is_answered(),
            *self.everything_is_final(),
            *self.charged_once(),
            *self.executed_once(),
            *self.evidence_fits(),
            *self.refunds_agree(),
            *self.waiting_refunds_agree(),
            *self.nothing_unknown_there(),
            *self.one_payment_per_key(),
            *self.one_answer_per_key(),
            *self.answers_stand(),
            *self.events_arrived(),
        ]

    def everything_is_answered(self) -> Iterator[Fault]:
        """I8: who goes on asking is answered, but about a charge that only a person can settle."""
        waits = {
            self.intents[one]["terms"]["metadata"]["n"]
            for one in (
                self.for_a_person
                | set(self.queued)
                | {self.refunds[one]["intent"] for one in self.waiting_refunds}
            )
        }
        for payment, step in self.witness.unanswered:
            if payment not in waits:
                yield "witness", f"{payment}-{step} was never answered"

    def everything_is_final(self) -> Iterator[Fault]:
        """I8, I13: nothing is on its way but refunds that wait for their money, a named queue.

        And a charge that stands for less than was asked: it is in doubt, as long as nobody has looked.
        """
        for row in self.intents.values():
            if (row["status"] == "processing") != (
                row["id"] in self.for_a_person | set(self.queued)
            ):
                yield row["id"], f"is {row['status']}"
        for row in self.attempts.values():
            known = row["intent"] in self.for_a_person and row["state"] == "unknown"
            known = known or row["id"] in self.waiting
            if row["state"] in ("sending", "unknown") and not known:
                yield row["intent"], f"attempt {row['id']} is {row['state']}"
        for row in self.refunds.values():
            if row["state"] in OPEN_REFUNDS and row["id"] not in self.waiting_refunds:
                yield row["intent"], f"refund {row['id']} is {row['state']}"
        for row in self.keys.values():
            if row["answer"] is None:
                yield row["id"], "the key has no answer"

    def charged_once(self) -> Iterator[Fault]:
        """I1: one live charge where the payment is paid, none elsewhere, and never two at a time, at all acquirers."""
        for intent in self.intents.values():
            there = self.charges_there.get(intent["id"], [])
            live = [row for row in there if row.state == "approved"]
            yield from self._never_two(intent["id"], [row.reference for row in there])
            yield from self._is_believed(intent["id"], live)
            if intent["id"] in self.queued:
                yield from self._waits_once(intent, self.queued[intent["id"]], live)
                continue
            wanted = 1 if intent["status"] in PAID or intent["id"] in self.for_a_person else 0
            if len(live) != wanted:
                yield intent["id"], f"is {intent['status']} with {len(live)} live charges"
            if intent["id"] in self.for_a_person:
                continue
            yield from _of_the_amount(intent, live)
            if sum(row.captured for row in live) != intent["amount_received"]:
                yield (
                    intent["id"],
                    f"received {intent['amount_received']}, but was taken {[row.captured for row in live]}",
                )

    def _is_believed(self, intent: str, live: Sequence[Operation]) -> Iterator[Fault]:
        """What stands there is approved here, or in doubt: no other attempt followed while it was."""
        for row in live:
            attempt = self.attempts.get(row.reference)
            if attempt is None or attempt["state"] not in ("approved", "sending", "unknown"):
                yield intent, f"{row.reference} stands, and is {attempt and attempt['state']} here"

    def _waits_once(self, intent: Row, attempt: Row, live: Sequence[Operation]) -> Iterator[Fault]:
        """One that waits in a queue: at most the one charge that the attempt is about, with what it may have taken."""
        if intent["id"] not in self.for_a_person:
            yield from _of_the_amount(intent, live)
        operation, name = attempt["operation"], intent["id"]
        about = attempt["id"] if operation in ("sale", "authorize") else attempt["original"]
        if any(row.reference != about for row in live) or len(live) > 1:
            yield name, f"{attempt['id']} waits, and {[row.reference for row in live]} stand"
        if operation == "capture" and len(live) != 1:
            yield name, f"a capture waits of {len(live)} charges"
        taken = sum(row.captured for row in live)
        may = {"sale": {attempt["amount"]}, "capture": {0, attempt["amount"]}}.get(operation, {0})
        if live and taken not in may and name not in self.for_a_person:
            yield name, f"a {operation} of {attempt['amount']} waits, and {taken} was taken"

    def executed_once(self) -> Iterator[Fault]:
        """I1: no reference is executed twice, at one acquirer or at two, however forgetful they are."""
        done: set[str] = set()
        for row in self.executed:
            if row.outcome != "declined":
                if row.reference in done:
                    yield row.reference, "was executed twice"
                done.add(row.reference)
        ours = {**self.attempts, **self.refunds}
        for book in self.world.acquirers.values():
            for row in book.executed:
                if row.reference in ours and ours[row.reference]["acquirer"] != book.name:
                    yield row.reference, f"was executed by {book.name}"

    def evidence_fits(self) -> Iterator[Fault]:
        """I3: what was approved here was approved in words that name our amount and currency."""
        good = {"approved", "succeeded", "provisional"}
        for row in (*self.attempts.values(), *self.refunds.values()):
            if row["state"] not in good or row.get("operation") == "void":
                continue
            words = json.loads(row["evidence"] or "{}")
            if (words.get("amount"), words.get("currency")) != (row["amount"], row["currency"]):
                yield row["id"], f"{row['amount']} {row['currency']} was believed by {words}"

    def _never_two(self, intent: str, references: Sequence[str]) -> Iterator[Fault]:
        wanted = set(references)
        stood = sorted(span for (one, _), span in self.stood.items() if one in wanted)
        for earlier, later in itertools.pairwise(stood):
            if len(earlier) == 1 or earlier[1] > later[0]:
                yield intent, f"two charges stood at once: {stood}"

    def refunds_agree(self) -> Iterator[Fault]:
        """I5, I2: each refund that succeeded is one there, no other is, and never more than was taken."""
        for refund in self.refunds.values():
            there = self.operations.get(refund["id"])
            if refund["id"] in self.waiting_refunds:
                continue  # see waiting_refunds_agree
            stands = there is not None and there.state in ("approved", "pending")
            if stands != (refund["state"] in ("succeeded", "provisional")):
                yield (
                    refund["intent"],
                    f"refund {refund['id']} is {refund['state']}, there {there and there.state}",
                )
            if there is not None and there.amount != refund["amount"]:
                yield refund["intent"], f"refund {refund['id']} has another amount there"
        unsure = {self.refunds[one]["charge"] for one in self.waiting_refunds}
        for charge in self.charges.values():
            if charge["id"] in unsure:
                continue
            there = self.operations.get(charge["reference"])
            given = there.refunded if there is not None else 0
            if given != charge["amount_refunded"]:
                yield charge["intent"], f"refunded {charge['amount_refunded']}, there {given}"
            if charge["amount_refunded"] + charge["refunds_reserved"] > charge["amount_captured"]:
                yield charge["intent"], "more was refunded than captured"

    def waiting_refunds_agree(self) -> Iterator[Fault]:
        """I5: whatever waits is covered, whichever way it ends; and no acquirer gave back more than it took."""
        unsure: dict[str, list[Row]] = defaultdict(list)
        for refund in self.waiting_refunds.values():
            unsure[refund["charge"]].append(refund)
            there = self.operations.get(refund["id"])
            if there is not None and there.amount != refund["amount"]:
                yield refund["intent"], f"refund {refund['id']} waits with another amount there"
        for charge, refunds in unsure.items():
            yield from self._covered(self.charges[charge], refunds)
        for row in self.executed:
            if row.operation in ("sale", "authorize") and row.refunded > row.captured:
                yield row.reference, f"{row.refunded} of {row.captured} was refunded there"

    def _covered(self, charge: Row, waiting: Sequence[Row]) -> Iterator[Fault]:
        sure, reserved = charge["amount_refunded"], charge["refunds_reserved"]
        told = sum(row["amount"] for row in waiting if row["state"] == "provisional")
        open_here = sum(row["amount"] for row in waiting) - told
        if reserved < open_here:
            yield charge["intent"], f"{open_here} waits, and {reserved} is reserved"
        there = self.operations.get(charge["reference"])
        given = there.refunded if there is not None else 0
        if not sure - told <= given <= sure + reserved:
            yield charge["intent"], f"refunded {sure}, reserved {reserved}, there {given}"
        if sure + reserved > charge["amount_captured"]:
            yield charge["intent"], "more is refunded and reserved than captured"

    def nothing_unknown_there(self) -> Iterator[Fault]:
        """I2: every operation there was intended here."""
        for reference in self.operations:
            if reference not in self.intent_of:
                yield reference, "the acquirer did what we never intended"

    def one_payment_per_key(self) -> Iterator[Fault]:
        """I6: one payment for whatever was asked for, however often it was asked."""
        made: dict[str, list[str]] = defaultdict(list)
        for intent in self.intents.values():
            made[intent["terms"]["metadata"]["n"]].append(intent["id"])
        for name, intents in made.items():
            if len(intents) > 1:
                yield intents[0], f"{name} became {len(intents)} payments"
        refunded: dict[str, list[str]] = defaultdict(list)
        for refund in self.refunds.values():
            refunded[refund["key"] or refund["id"]].append(refund["id"])
        for key, refunds in refunded.items():
            if len(refunds) > 1:
                yield refunds[0], f"{key} became {len(refunds)} refunds"

    def one_answer_per_key(self) -> Iterator[Fault]:
        """I6: a key is answered with the same bytes, by whichever host and however late."""
        first: dict[str, Said] = {}
        for said in self.witness.said:
            if said.key is None:
                continue
            before = first.setdefault(said.key, said)
            if before.text != said.text:
                yield said.payment, f"{said.key} was answered {before.text} and then {said.text}"
        for key, said in first.items():
            row = self.keys.get(f"{self.world.account}/{key}")
            if row is None or row["answer"] != said.text:
                yield (
                    said.payment,
                    f"{key} was answered {said.text}, saved is {row and row['answer']}",
                )

    def answers_stand(self) -> Iterator[Fault]:
        """I7: what was said is superseded along the machines' arrows alone."""
        for said in self.witness.said:
            answer = decode(said.text)
            shown = intent_of(answer)
            if shown is not None:
                yield from self._intent_stands(said, shown)
            elif (text := getattr(answer, "snapshot", None)) is not None:
                yield from self._refund_stands(json.loads(text))

    def _intent_stands(self, said: Said, shown: Row) -> Iterator[Fault]:
        now = self.intents.get(shown["id"])
        if now is None:
            yield said.payment, f"{shown['id']} was answered, and is lost"
            return
        if not INTENT.leads(IntentStatus(shown["status"]), IntentStatus(now["status"])):
            yield now["id"], f"{shown['status']} was answered, {now['status']} stands"
        if shown["amount"] != now["amount"]:
            yield now["id"], "another amount was answered"
        if shown["status"] == now["status"] == "succeeded":
            for name in ("amount_received", "latest_charge"):
                if shown[name] != now[name]:
                    yield now["id"], f"{name} {shown[name]} was answered, {now[name]} stands"

    def _refund_stands(self, shown: Row) -> Iterator[Fault]:
        now = self.refunds.get(shown["id"])
        if now is None:
            yield shown["id"], "a refund was answered, and is lost"
        elif not REFUND.leads(RefundState(shown["state"]), RefundState(now["state"])):
            yield now["intent"], f"{shown['state']} was answered, {now['state']} stands"
        elif shown["amount"] != now["amount"]:
            yield now["intent"], "another amount of the refund was answered"

    def events_arrived(self) -> Iterator[Fault]:
        """I9: each event was heard at least once by each endpoint, and nothing else was."""
        events = self._rows("events")
        endpoints = self._rows("webhook_endpoints")
        for endpoint in endpoints.values():
            heard = set(self.world.receivers.accepted.get(endpoint["url"], ()))
            for missed in sorted(set(events) - heard):
                yield missed, f"{events[missed]['type']} never reached {endpoint['url']}"
            for strange in sorted(heard - set(events)):
                yield strange, "an event of nothing was delivered"

    def story(self, subject: str) -> str:
        """Everything about one payment, for a person."""
        name = self.intent_of.get(subject, subject)
        rows = {
            "intent": self.intents.get(name),
            "attempts": [row for row in self.attempts.values() if row["intent"] == name],
            "charges": [row for row in self.charges.values() if row["intent"] == name],
            "refunds": [row for row in self.refunds.values() if row["intent"] == name],
            "acquirer": [
                str(row) for ref, row in self.operations.items() if self.intent_of.get(ref) == name
            ],
        }
        return json.dumps(rows, indent=1, default=str)

    def references(self, subject: str) -> list[str]:
        """What a trace may call the payment at fault."""
        name = self.intent_of.get(subject, subject)
        own = [one for one, intent in self.intent_of.items() if intent == name]
        plan = self.intents.get(name, {}).get("terms", {}).get("metadata", {}).get("n")
        return [name, subject, *own, *([f"{plan} ", f"{plan}-"] if plan else [])]

    def _rows(self, table: str) -> dict[str, Row]:
        cursor = self.database.cursor(row_factory=dict_row)
        text = f"SELECT * FROM nostro.{table} WHERE book_id = %s ORDER BY id"
        return {row["id"]: row for row in cursor.execute(text, (self.world.book,))}


def _of_the_amount(intent: Row, live: Sequence[Operation]) -> Iterator[Fault]:
    for row in live:
        if (row.amount, row.currency) != (intent["amount"], intent["currency"]):
            yield intent["id"], f"the acquirer charged {row.amount} {row.currency}"


async def verified(world: World, line: Connection) -> list[Fault]:
    """What `nostro verify` finds, the acquirer's book compared; I2–I5, I10 and more."""
    session = BlockingSession(line)
    clock = SimClock(world.loop, Host("judge", "judge"), lambda: world.days_ms)
    await session.run([Statement(setting) for setting in (*BEGIN, *WHOLE_SETS)])
    try:
        report = await verify(
            DatabaseSnapshot(session),
            world.book,
            _page([line for book in world.acquirers.values() for line in book.lines()]),
            clock,
            JUDGE_ALL,
        )
    finally:
        await session.run([Statement("COMMIT")])
        await session.close()
    return [
        (finding.subject, f"verify, {result.check}: {finding.detail}")
        for result in report.results
        if not result.passed
        for finding in result.findings
    ]


async def _page(lines: list[Line]) -> AsyncIterator[Sequence[Line]]:
    yield lines


def log_agrees(world: World, database: "psycopg.Connection[Any]") -> Iterator[Fault]:
    """I10: each batch names the leaf before it, and the head's frontier is that of all leaves."""
    rows = database.execute(
        "SELECT batch_no, previous_leaf, leaf FROM nostro.batches WHERE book_id = %s ORDER BY 1",
        (world.book,),
    ).fetchall()
    frontier, before = b"", NO_LEAF
    for size, (number, previous, leaf) in enumerate(rows):
        if number != size + 1 or previous != before:
            yield f"batch {number}", "does not follow the batch before it"
        before = leaf
        frontier = merkle.append(frontier, size, leaf)
    head = database.execute(
        "SELECT frontier FROM nostro.book_heads WHERE book_id = %s", (world.book,)
    ).fetchone()
    assert head is not None
    if frontier != head[0]:
        yield "head", "its frontier is not that of the batches"
