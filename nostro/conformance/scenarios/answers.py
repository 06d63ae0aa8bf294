"""The processor answers, and the adapter gives the value that says the same."""

from __future__ import annotations

from nostro.conformance import faults
from nostro.conformance.calls import MONEY, Step
from nostro.conformance.exchange import Fault
from nostro.conformance.faults import Altered
from nostro.conformance.scenario import Case, Scenario
from nostro.conformance.stage import AMOUNT, Skip, Stage
from nostro.kernel.outcome import Approved, Declined, Rejected, Unknown

_SENDS_CARD = (Step.SALE, Step.AUTHORIZE)
_STATES_AMOUNT = (Step.SALE, Step.AUTHORIZE, Step.CAPTURE, Step.REFUND)


async def _approves(stage: Stage, step: Step) -> None:
    call = await stage.call(step, await stage.prepare(step))
    stage.expect_approved(call)
    stage.expect_messages(call, 1)
    stage.expect(
        await stage.processor.acted(call.reference) == 1, f"{step}: it is not in the book once"
    )


async def _declines(stage: Stage, step: Step) -> None:
    cards = stage.subject.cards
    call = await stage.call(step, stage.message(), card=cards.declined)
    stage.expect_result(call, Declined)
    stage.expect_messages(call, 1)
    if isinstance(call.result, Declined):
        reason = call.result.reason
        stage.expect(reason == cards.decline_reason, f"{step}: declined as {reason}")


async def _refuses(stage: Stage, step: Step) -> None:
    message = stage.message(original=stage.reference())
    call = await stage.call(step, message)
    stage.expect_result(call, Rejected, Declined)
    stage.expect_messages(call, 1)


async def _takes_a_part(stage: Stage, step: Step) -> None:
    before = Step.AUTHORIZE if step is Step.CAPTURE else Step.SALE
    original = await stage.approved(before)
    for amount in (AMOUNT // 4, AMOUNT // 2):
        message = stage.message(original=original, amount=amount, final=False)
        stage.expect_approved(await stage.call(step, message), amount)


def _altered(what: str, words: dict[bytes, bytes]) -> Case:
    async def case(stage: Stage, step: Step) -> None:
        fault = Altered(words)
        call = await stage.call(step, await stage.prepare(step), fault)
        if not fault.hits:
            raise Skip(f"the replies state no {what}")
        stage.expect_result(call, Unknown, Approved)
        if isinstance(call.result, Approved):
            told = (call.result.amount, call.result.currency)
            asked = (AMOUNT, stage.subject.currency)
            stage.expect(told != asked, f"{step}: approved as asked, where {what} was another")

    return case


async def _altered_currency(stage: Stage, step: Step) -> None:
    own = stage.subject.currency
    other = "eur" if own != "eur" else "usd"
    words = {own.encode(): other.encode(), own.upper().encode(): other.upper().encode()}
    await _altered("currency", words)(stage, step)


async def _another_reply(stage: Stage, step: Step) -> None:
    other = await stage.call(step, await stage.prepare(step))
    reply = other.requests[-1].reply if other.requests else None
    if reply is None or other.reference.encode() not in reply.body:
        raise Skip("the replies name no reference")
    call = await stage.call(step, await stage.prepare(step), faults.reply_of(reply))
    stage.expect_result(call, Unknown)


def _plain(fault: Fault, *allowed: type) -> Case:
    async def case(stage: Stage, step: Step) -> None:
        call = await stage.call(step, await stage.prepare(step), fault)
        stage.expect_result(call, *allowed)
        stage.expect_messages(call, 1)

    return case


_OTHER = "the answer is about something else; what happened to this is not known"
SCENARIOS = (
    Scenario(
        name="approved", case=_approves, steps=MONEY,
        why="Approved carries what the processor approved: amount and currency as asked",
    ),
    Scenario(
        name="declined", case=_declines, steps=_SENDS_CARD,
        why="a customer is told why, and a retry is decided, by the decline's reason",
    ),
    Scenario(
        name="refused", case=_refuses, steps=(Step.CAPTURE, Step.VOID, Step.REFUND),
        why="an operation on an original that does not exist moved no money",
    ),
    Scenario(
        name="captures in parts", case=_takes_a_part, steps=(Step.CAPTURE,),
        claim="partial_captures", why="a part is captured, and a part after it",
    ),
    Scenario(
        name="refunds in parts", case=_takes_a_part, steps=(Step.REFUND,), claim="partial_refunds",
        why="a part is given back, and a part after it",
    ),
    Scenario(
        name="another amount", steps=_STATES_AMOUNT, why=_OTHER,
        case=_altered("amount", {b"271828": b"271829", b"2718.28": b"2718.29"}),
    ),
    Scenario(name="another currency", case=_altered_currency, steps=_STATES_AMOUNT, why=_OTHER),
    Scenario(
        name="another request's reply", case=_another_reply, steps=tuple(Step), why=_OTHER,
    ),
    Scenario(
        name="an interim answer first", case=_plain(faults.interim, Approved), steps=_SENDS_CARD,
        why="the answer is the one that follows (RFC 9110, 15.2)",
    ),
    Scenario(
        name="a reply in chunks", case=_plain(faults.in_chunks, Approved), steps=_SENDS_CARD,
        why="HTTP/1.1 allows it at any time (RFC 9112, 7.1)",
    ),
    Scenario(
        name="another content type", steps=_SENDS_CARD,
        case=_plain(faults.other_content_type, Approved, Unknown),
        why="a header changes nothing of what the processor did",
    ),
)  # fmt: skip
