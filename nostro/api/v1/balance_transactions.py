"""/v1/balance_transactions: the lines of the merchant's statement."""

from __future__ import annotations

from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, PAGING, Currency, Spec, String
from nostro.api.reading import Page, Reading
from nostro.api.render import list_object, render
from nostro.balances.store import TRANSACTIONS

URL = "/v1/balance_transactions"
LIST = Spec({**PAGING, "currency": Currency(), "source": String(), "type": String()})


async def retrieve(call: Call) -> Reply:
    """One line; `available` once business time has reached its day."""
    row = await _reading(call).require(TRANSACTIONS, call.path["id"], "balance transaction")
    return Shown(render(row, call.now))


async def listing(call: Call) -> Reply:
    """Lines, newest first."""
    params = call.params
    rows, more = await _reading(call).page(
        TRANSACTIONS, Page.of(params), params.get("type"), params.get("currency"),
        params.get("source"),
    )  # fmt: skip
    return Shown(list_object([render(row, call.now) for row in rows], URL, more))


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)


_NAME = "balance_transaction"
OPERATIONS = [
    Operation("GET", URL, LIST, listing, _NAME, "List BalanceTransactions", listed=True),
    Operation("GET", URL + "/{id}", Spec(EXPAND), retrieve, _NAME, "Retrieve a BalanceTransaction"),
]
