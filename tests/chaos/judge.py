"""The verdict, by books alone: ours, the acquirer's, and what the witness was told. It believes no program's word.

Each check yields (intent or other subject, what is wrong); nothing found is a pass.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from nostro.payments.machine import INTENT, IntentStatus
from nostro.refunds.machine import REFUND, WIRE_STATUS, RefundState
from tests.chaos.books import Books, Row
from tests.chaos.plans import Plan
from tests.chaos.witness import Line, shown_intent

Fault = tuple[str, str]
PAID = (IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE)
# What an answer in these says of amounts and charge changes no more while the status stands.
KEPT = (*PAID, IntentStatus.CANCELED)


class Judge:
    """One run's evidence."""

    def __init__(
        self, books: Books, lines: Sequence[Line], plans: Sequence[Plan], last: Sequence[Plan]
    ) -> None:
        """`last` were asked for once, and may never have arrived."""
        self.books, self.lines = books, lines
        self.insisted = [plan.number for plan in plans]
        self.plans = {plan.number: plan for plan in (*plans, *last)}
        self._by_key: dict[str, list[Line]] = defaultdict(list)
        self._by_payment: dict[int, list[Line]] = defaultdict(list)
        for line in lines:
            self._by_payment[line.payment].append(line)
            if line.key and line.status is not None:
                self._by_key[line.key].append(line)

    def faults(self) -> list[Fault]:
        """Everything that is wrong."""
        return [
            *self.every_payment_is_final(),
            *self.charged_once(),
            *self.amounts_agree(),
            *self.refunds_agree(),
            *self.nothing_unknown_at_the_acquirer(),
            *self.one_intent_per_payment(),
            *self.one_answer_per_key(),
            *self.answers_are_still_true(),
            *self.answers_never_went_back(),
            *self.clients_got_what_they_asked_for(),
        ]

    def every_payment_is_final(self) -> Iterator[Fault]:
        """Nothing is on its way any more."""
        for intent in self.books.intents.values():
            if intent["status"] == "processing":
                yield intent["id"], "is processing"
        for attempt in self.books.attempts.values():
            if attempt["state"] in ("sending", "unknown"):
                yield attempt["intent"], f"attempt {attempt['id']} is {attempt['state']}"
        for key in self.books.keys.values():
            if key["answer"] is None:
                yield key["id"], "the key has no answer"

    def charged_once(self) -> Iterator[Fault]:
        """One live charge at the acquirer where the payment is paid or authorized, and none elsewhere."""
        for intent in self.books.intents.values():
            live = self.books.live_charges_of(intent["id"])
            wanted = 1 if intent["status"] in PAID else 0
            if len(live) != wanted:
                yield intent["id"], f"is {intent['status']} with {len(live)} live charges"

    def amounts_agree(self) -> Iterator[Fault]:
        """What we say was taken is what the acquirer took."""
        for intent in self.books.intents.values():
            live = self.books.live_charges_of(intent["id"])
            taken = sum(row["captured"] for row in live)
            if taken != intent["amount_received"]:
                yield intent["id"], f"received {intent['amount_received']}, taken {taken}"
            for row in live:
                if (row["amount"], row["currency"]) != (intent["amount"], intent["currency"]):
                    yield intent["id"], f"the acquirer charged {row['amount']} {row['currency']}"

    def refunds_agree(self) -> Iterator[Fault]:
        """Each refund of ours that succeeded is one refund there, and no other is."""
        for refund in self.books.refunds.values():
            there = self.books.operations.get(refund["id"])
            stands = there is not None and there["state"] in ("approved", "pending")
            ours = RefundState(refund["state"])
            if stands != (WIRE_STATUS[ours] == "succeeded") and ours is not RefundState.WAITING:
                yield refund["intent"], f"refund {refund['id']} is {ours}, there {there}"
            if there is not None and there["amount"] != refund["amount"]:
                yield refund["intent"], f"refund {refund['id']} has another amount there"
        for charge in self.books.charges.values():
            there = self.books.operations.get(charge["reference"])
            given = there["refunded"] if there is not None else 0
            if given != charge["amount_refunded"]:
                yield charge["intent"], f"refunded {charge['amount_refunded']}, there {given}"

    def nothing_unknown_at_the_acquirer(self) -> Iterator[Fault]:
        """Every operation there has its row here."""
        for reference in self.books.operations:
            if reference not in self.books.attempts and reference not in self.books.refunds:
                yield reference, "the acquirer did what we never intended"

    def one_intent_per_payment(self) -> Iterator[Fault]:
        """One key made one payment, however often it was sent."""
        made: dict[str, list[str]] = defaultdict(list)
        for intent in self.books.intents.values():
            made[_number_of(intent)].append(intent["id"])
        for name, intents in made.items():
            if len(intents) != 1:
                yield intents[0], f"payment {name} became {intents}"
        for number in self.insisted:
            if str(number) not in made:
                yield f"payment {number}", "was never made"

    def one_answer_per_key(self) -> Iterator[Fault]:
        """Final answers under one key are the same, byte for byte of their JSON."""
        for key, lines in self._by_key.items():
            finals = [line for line in lines if line.is_final]
            for line in finals[1:]:
                if (line.status, line.body) != (finals[0].status, finals[0].body):
                    yield self._intent_of(line), f"{key} was answered differently"

    def answers_are_still_true(self) -> Iterator[Fault]:
        """What was said stands, or was superseded along listed transitions."""
        for line in self.lines:
            shown = shown_intent(line)
            if shown is not None:
                yield from self._still_true(shown)
            if line.status == 200 and line.body.get("object") == "refund":
                yield from self._refund_still_true(line.body)

    def _still_true(self, shown: Row) -> Iterator[Fault]:
        now = self.books.intents.get(shown["id"])
        if now is None:
            yield shown["id"], "was answered, and is lost"
            return
        said, stands = IntentStatus(shown["status"]), IntentStatus(now["status"])
        if not INTENT.leads(said, stands):
            yield shown["id"], f"{said} was answered, {stands} stands"
        if (shown["amount"], shown["currency"]) != (now["amount"], now["currency"]):
            yield shown["id"], "another amount was answered"
        if said is stands and said in KEPT:
            for name in ("amount_received", "amount_capturable", "latest_charge"):
                if shown[name] != now[name]:
                    yield shown["id"], f"{name} {shown[name]} was answered, {now[name]} stands"
        if shown["latest_charge"] and shown["latest_charge"] not in self.books.charges:
            yield shown["id"], f"charge {shown['latest_charge']} is lost"

    def _refund_still_true(self, shown: Row) -> Iterator[Fault]:
        now = self.books.refunds.get(shown["id"])
        if now is None:
            yield shown["payment_intent"], f"refund {shown['id']} was answered, and is lost"
            return
        said = [state for state, word in WIRE_STATUS.items() if word == shown["status"]]
        if not any(REFUND.leads(state, RefundState(now["state"])) for state in said):
            yield now["intent"], f"refund {shown['status']} was answered, {now['state']} stands"
        if shown["amount"] != now["amount"]:
            yield now["intent"], "another amount of the refund was answered"

    def answers_never_went_back(self) -> Iterator[Fault]:
        """Each payment has one client, which asks in turn: what it is told moves along the machine."""
        for lines in self._by_payment.values():
            before = None
            for line in lines:
                shown = None if line.replayed else shown_intent(line)
                if shown is None:
                    continue
                if before is not None:
                    a, b = IntentStatus(before["status"]), IntentStatus(shown["status"])
                    if before["id"] == shown["id"] and not INTENT.leads(a, b):
                        yield shown["id"], f"first {a} was answered, then {b}"
                before = shown

    def clients_got_what_they_asked_for(self) -> Iterator[Fault]:
        """Where the last step was answered with success, the plan was carried out to the cent."""
        for intent in self.books.intents.values():
            plan = self.plans[int(_number_of(intent))]
            last = self._by_key.get(f"chaos-{plan.number}-{plan.steps()[-1].name}", [])
            if intent["amount"] != plan.amount:
                yield intent["id"], f"{plan.amount} was asked for"
            if plan.is_declined and intent["status"] in PAID:
                yield intent["id"], "a declined card was charged"
            if not plan.is_declined and any(line.status == 200 for line in last):
                yield from self._carried_out(plan, intent)

    def _carried_out(self, plan: Plan, intent: Row) -> Iterator[Fault]:
        status = IntentStatus(intent["status"])
        refunds = self.books.refunds_of(intent["id"])
        given = sum(row["amount"] for row in refunds if row["state"] != "failed")
        if status is IntentStatus.SUCCEEDED and intent["amount_received"] != plan.captured:
            yield intent["id"], f"{plan.captured} was to be taken"
        if given not in (0, plan.refunded) or len(refunds) > 1:
            yield intent["id"], f"{plan.refunded} was to be refunded, {given} was"

    def _intent_of(self, line: Line) -> str:
        shown = shown_intent(line)
        return str(shown["id"]) if shown else f"payment {line.payment}"

    def story(self, subject: str) -> str:
        """What happened to one payment: our rows, the acquirer's, and what its client was told."""
        intent = self.books.intents.get(subject)
        if intent is None:
            return subject
        lines = [
            f"{line.at:.3f} {line.step} try {line.attempt}: {line.status} {line.error}"
            f"{'replayed ' if line.replayed else ''}{_brief(line)}"
            for line in self._by_payment[int(_number_of(intent))]
        ]
        return self.books.story(subject) + "\nwitness:\n" + "\n".join(lines)


def _number_of(intent: Row) -> str:
    return str(intent["terms"]["metadata"]["n"])


def _brief(line: Line) -> str:
    shown = shown_intent(line)
    if shown is not None:
        return f"{shown['id']} {shown['status']} {shown['amount_received']}"
    return str(line.body)[:300]
