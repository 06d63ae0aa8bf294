"""/nostro/v1/ledger: proofs that a merchant can hold against us, verified offline with `nostro-verify`.

Answers are the files themselves, byte for byte: docs/reference/receipts.md.
"""

from __future__ import annotations

from nostro.api.errors import ApiError, invalid_request, no_such
from nostro.api.operation import Call, File, Operation
from nostro.api.parameters import Integer, Spec, String
from nostro.api.reading import Reading
from nostro.ledger import proving
from nostro.ledger.days import day_from
from nostro.ledger.proving import NothingToProve, NotYetSigned
from nostro.payments.store import CHARGES, INTENTS
from nostro.refunds.store import REFUNDS

CONSISTENCY = Spec({"from": Integer(minimum=1, required=True)})
BALANCE = Spec({"account": String(required=True), "day": String(longest=10)})


async def receipt(call: Call) -> File:
    """The receipt of a payment or a refund of one's own: its transfers, and the proof that they are in the log."""
    identifier = call.path["id"]
    subject = await _subject(call, identifier)
    kind = "refund" if subject.startswith("re_") else "payment"
    try:
        return File(await proving.receipt(call.services.reader, call.book, kind, subject))
    except NothingToProve:
        raise no_such("receipt", identifier) from None
    except NotYetSigned as error:
        raise _not_yet(error) from None


async def consistency(call: Call) -> File:
    """The proof that the log as it is signed now begins with the log of the checkpoint of `from` batches."""
    reader, size = call.services.reader, call.params["from"]
    try:
        old = await proving.checkpoint_of(reader, call.book, size)
        return File(await proving.consistency(reader, call.book, old.note, old.size))
    except NothingToProve:
        raise no_such("checkpoint", str(size), "from") from None


async def balance(call: Call) -> File:
    """The proof of what the newest snapshot of balances, or that of a day, says of an account of one's own."""
    account, day = call.params["account"], call.params.get("day")
    if not account.startswith(f"merchant:{call.account}:"):
        raise no_such("ledger account", account, "account")
    if day is not None and not _is_day(day):
        raise invalid_request("Invalid day: it is written as YYYY-MM-DD.", param="day")
    try:
        file = await proving.balance(call.services.reader, call.book, account, day)
    except NothingToProve:
        raise no_such("balance snapshot", day or "of any day", "day") from None
    except NotYetSigned as error:
        raise _not_yet(error) from None
    if b'"found":true' not in file:  # an absence is proved by others' balances
        raise no_such("ledger account", account, "account")
    return File(file)


async def _subject(call: Call, identifier: str) -> str:
    """A payment's transfers name its charge."""
    reading = Reading(call.services.reader, call.book, call.account)
    if identifier.startswith("re_"):
        return (await reading.require(REFUNDS, identifier, "refund")).id
    if identifier.startswith("ch_"):
        return (await reading.require(CHARGES, identifier, "charge")).id
    intent = await reading.require(INTENTS, identifier, "payment_intent")
    if intent.latest_charge is None:
        raise no_such("receipt", identifier)
    return intent.latest_charge


def _is_day(text: str) -> bool:
    try:
        day_from(text)
    except ValueError:
        return False
    return True


def _not_yet(error: NotYetSigned) -> ApiError:
    return invalid_request(str(error), code="not_yet_signed", status=409)


OPERATIONS = [
    Operation("GET", "/nostro/v1/ledger/receipts/{id}", Spec({}), receipt, "nostro_receipt", "Retrieve the receipt of a payment or refund"),
    Operation("GET", "/nostro/v1/ledger/consistency", CONSISTENCY, consistency, "nostro_consistency", "Prove that the log only grew"),
    Operation("GET", "/nostro/v1/ledger/balance_proof", BALANCE, balance, "nostro_balance", "Prove an account's balance"),
]  # fmt: skip
