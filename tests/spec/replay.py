"""Plays a trace of the model on the real services, and compares what is durable after each step."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Answer, Refusal, decode
from nostro.kernel.outcome import NotSent, Unknown
from nostro.kernel.ports import CardDetails
from nostro.kernel.secret import Cvc, Pan
from nostro.kernel.table import text_array
from nostro.payments.commands import Changes, MethodChoice
from nostro.payments.model import Intent, Terms
from nostro.payments.settle import Settled
from nostro.payments.store import ATTEMPTS, INTENTS
from nostro.refunds.commands import RefundRequest
from nostro.refunds.store import REFUNDS
from tests.refunds.world import KeepMethod
from tests.spec.instances import ACCOUNT, BOOK, Instance, Stage

HUNDRED = 100  # cents; the model's unit of money
INSTANCES = 4
Step = list[Any]


class Replay:
    """One trace: `rows` are the references the model knows by an index, `answers` what is on its way to whom."""

    def __init__(self, stage: Stage, trace: dict[str, Any], instances: list[Instance]) -> None:
        self.stage, self.flow, self.steps = stage, trace["flow"], trace["steps"]
        self.name = f"{self.flow} {trace['seed']}"
        self.instances = instances
        self.rows: list[str] = []
        self.answers: dict[tuple[int, int], str] = {}
        self.expected = ""
        self.intent = self.method = ""
        self.asked_under: dict[int, int] = {}  # by instance: the key of the request it serves

    async def play(self) -> int:
        """Every step, each compared; returns how many."""
        await self._set_up()
        for number, step in enumerate(self.steps):
            try:
                await self._step(step)
                await self._compare()
            except AssertionError as difference:
                raise AssertionError(f"{self.name}, step {number}, {step}: {difference}") from None
        return len(self.steps)

    # What the flow begins with

    async def _set_up(self) -> None:
        stage, front = self.stage, self.instances[0]
        keep = KeepMethod(BOOK, stage.entropy.bytes(16), ACCOUNT, "pm_card_visa")
        self.method = await stage.front.run(keep)
        capture = "manual" if self.flow == "CAPTURE" else "automatic"
        amount = 2 * HUNDRED
        changes = Changes(amount, "usd", None, capture, Terms(), MethodChoice(self.method))
        confirm = self.flow != "SALE"
        await front.gates.start(
            front.payments.create(stage.merchant, changes, confirm, _card(replayable=True))
        )
        if confirm:
            reference = front.gates.about
            stage.book.arrive(reference, "approved")
            await front.gates.go("to_send")
            await front.gates.go("waiting", stage.book.answer(reference, "approved"))
            await front.gates.go("to_settle")
        self.intent = msgspec.json.decode(front.gates.result().snapshot, type=Intent).id

    def _asked(self, instance: Instance, key: int, replayable: bool) -> Coroutine[Any, Any, Any]:
        merchant = self.stage.keyed(f"{self.name}-{key}")
        payments = instance.payments
        if self.flow == "SALE":
            choice = Changes(method=MethodChoice(self.method))
            return payments.confirm(merchant, self.intent, choice, {}, _card(replayable))
        if self.flow == "REFUND":
            asked = RefundRequest(intent=self.intent, amount=(key + 1) * HUNDRED)
            return instance.refunds.create(merchant, asked)
        if key == 0:
            return payments.capture(merchant, self.intent, None, {})
        return payments.cancel(merchant, self.intent, None)

    # Steps

    async def _step(self, step: Step) -> None:
        name, who, row, send, word = step[:5]
        if len(step) > 5:
            self.expected = step[5]
        if name == "asked":
            await self._ask(who, row, send, word)
        elif name in _OF_THE_ACQUIRER:
            _OF_THE_ACQUIRER[name](self, row, send, word)
        elif name == "claimed":
            await self._claim(who, row)
        elif name == "died":
            await self._die(who, word)
        elif name in ("settled", "late_settle"):
            await self._settle(who, applied=name == "settled")
        elif name not in _UNSEEN:
            await self._pass(name, who, row, send, word)

    async def _ask(self, who: int, key: int, row: int, word: str) -> None:
        gates = self.instances[who].gates
        self.asked_under[who] = key
        await gates.start(self._asked(self.instances[who], key, replayable=word == "sending"))
        if word in ("sending", "0"):
            assert gates.at == "to_send", gates.at
            assert row == len(self.rows)
            self.rows.append(gates.about)
        else:
            assert self._told(gates.result()) == word, gates.result()

    async def _claim(self, who: int, row: int) -> None:
        self.stage.leases_end()
        instance = self.instances[who]
        service = instance.refunds if self.flow == "REFUND" else instance.payments
        await instance.gates.start(service.resolve(self.stage.merchant, self.rows[row]))
        assert instance.gates.at in ("to_inquire", "to_cancel"), instance.gates.at

    async def _die(self, who: int, at: str) -> None:
        assert self.instances[who].gates.at == at, self.instances[who].gates.at
        await self.instances[who].gates.die()
        self.instances[who] = self.stage.reborn(self.instances[who])

    async def _settle(self, who: int, applied: bool) -> None:
        gates = self.instances[who].gates
        await gates.go("to_settle")
        result = gates.result()
        if isinstance(result, Settled):
            assert result.applied is applied
            return
        saved = await self._saved(self.asked_under[who])
        assert self._told(result) == saved, result

    async def _pass(self, name: str, who: int, row: int, send: int, word: str) -> None:
        gates = self.instances[who].gates
        if name == "overtaken":
            assert gates.at in ("to_count", "to_mark"), gates.at
            await gates.go(gates.at)
            assert gates.at == "to_settle"
            return
        if name in ("heard", "cancel_heard"):
            assert self.answers.pop((row, send)) == word
        await gates.go(*self._through(name, row, word))

    def _through(self, name: str, row: int, word: str) -> tuple[Any, ...]:
        book, reference = self.stage.book, self.rows[row]
        if name == "inquired":
            assert book.inquire(reference) == word
        if name in _ALWAYS or word == "0":
            return _GATE[name], _ALWAYS.get(name)
        return _GATE[name], book.answer(reference, word)

    # The acquirer's side

    def arrived(self, row: int, send: int, word: str) -> None:
        """A message arrives, and is answered as the model says."""
        answered = self.stage.book.arrive(self.rows[row], word)
        assert answered == word
        self.answers[row, send] = answered

    def cancel_arrived(self, row: int, send: int, word: str) -> None:
        """A cancel arrives."""
        operation = self.expected.split(" | ")[row + 1].split()[0]
        assert self.stage.book.cancel(self.rows[row], operation) == word
        self.answers[row, 0] = word

    def lost(self, row: int, send: int, word: str) -> None:
        """An answer is lost."""
        del self.answers[row, send]

    def forgotten(self, row: int, send: int, word: str) -> None:
        """The acquirer forgets a tombstone."""
        assert self.stage.book.states.pop(self.rows[row]) == "tombstone"

    # What is durable

    async def _compare(self) -> None:
        actual = await self._state()
        wanted = self.expected.replace("forgotten", "0").replace("void_", "void")
        assert actual == wanted, f"\n  service: {actual}\n  model:   {wanted}"

    async def _state(self) -> str:
        rows = [await self._row(index) for index in (0, 1)]
        books = [self._book(index) for index in (0, 1)]
        saved = [await self._saved(key) for key in (0, 1)]
        parts = [await self._status(), *rows, " ".join(books), " ".join(saved)]
        return " | ".join(parts)

    async def _status(self) -> str:
        found = await self.stage.reader.fetch(INTENTS.read, BOOK, text_array([self.intent]))
        status = str(INTENTS.decode(found[0]).status)
        return "requires_payment_method" if status == "requires_confirmation" else status

    async def _row(self, index: int) -> str:
        if index >= len(self.rows):
            return "0 0 0 0 0"
        wanted = text_array([self.rows[index]])
        table: Any = REFUNDS if self.flow == "REFUND" else ATTEMPTS
        row = table.decode((await self.stage.reader.fetch(table.read, BOOK, wanted))[0])
        operation = "refund" if self.flow == "REFUND" else row.operation
        key = row.key.rpartition("-")[2]
        return f"{operation} {_state_of(row)} {key} {row.epoch} {row.sends}"

    def _book(self, index: int) -> str:
        if index >= len(self.rows):
            return "0"
        return self.stage.book.states.get(self.rows[index], "0")

    async def _saved(self, key: int) -> str:
        rows = await self.stage.reader.fetch(
            "SELECT answer FROM nostro.idempotency_keys WHERE book_id = $1 AND id = $2",
            BOOK, f"{ACCOUNT}/{self.name}-{key}",
        )  # fmt: skip
        if not rows:
            return "0"
        return "in_flight" if rows[0][0] is None else self._told(decode(rows[0][0]))

    def _told(self, reply: Any) -> str:
        """The model's word for an answer."""
        if isinstance(reply, Replayed):
            return self._told(decode(reply.answer))
        if isinstance(reply, Refusal):
            return _REFUSALS.get(reply.status, "refused")
        assert isinstance(reply, Answer), reply
        shown = msgspec.json.decode(reply.snapshot)
        return _ANSWERED.get(shown.get("status") or shown["state"], "told_done")


def _card(replayable: bool) -> CardDetails:
    """A card; given with its security code it may not be sent again."""
    return CardDetails(Pan("4242424242424242"), 12, 2049, None if replayable else Cvc("123"))


def _state_of(row: Any) -> str:
    if row.state == "succeeded":
        return "approved"
    if row.state != "failed":
        return str(row.state)
    kind = msgspec.json.decode(row.evidence)["type"]
    return "not_sent" if kind == "NotSent" else str(kind).lower()


_REFUSALS = {402: "told_failed", 409: "in_flight", 429: "processing"}
_ANSWERED = {
    "processing": "told_processing",
    "unknown": "told_processing",
    "failed": "told_failed",
}
# Steps of time and of the network that neither we nor the acquirer notice.
_UNSEEN = ("lease_over", "time_to_send_over", "request_lost", "doubled", "cancel_lost", "ended")
_OF_THE_ACQUIRER: dict[str, Callable[[Replay, int, int, str], None]] = {
    "arrived": Replay.arrived,
    "cancel_arrived": Replay.cancel_arrived,
    "answer_lost": Replay.lost,
    "cancel_answer_lost": Replay.lost,
    "forgotten": Replay.forgotten,
}
_GATE = {
    "sent": "to_send",
    "too_late": "to_send",
    "refused_connection": "to_send",
    "heard": "waiting",
    "gave_up": "waiting",
    "inquired": "to_inquire",
    "lost_inquiry": "to_inquire",
    "counted": "to_count",
    "marked": "to_mark",
    "cancel_sent": "to_cancel",
    "cancel_heard": "waiting_cancel",
    "cancel_given_up": "waiting_cancel",
}
_ALWAYS = {
    "too_late": NotSent("the time to send it was over"),
    "refused_connection": NotSent("connection refused"),
    "gave_up": Unknown("no answer in time"),
    "lost_inquiry": Unknown("inquiry lost"),
    "cancel_given_up": Unknown("cancel lost"),
}
