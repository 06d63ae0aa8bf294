"""/v1/balance: what the ledger says we owe the merchant."""

from __future__ import annotations

from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import EXPAND, Spec
from nostro.api.render import balance
from nostro.ledger.balances import merchant_balances


async def retrieve(call: Call) -> Reply:
    """Available and pending, per currency; the account's own currency is always named."""
    owed = await merchant_balances(call.services.reader, call.book, call.account)
    pending = {call.identity.account.default_currency: 0} | owed.pending
    return Shown(balance(owed.available, pending, call.live))


OPERATIONS = [
    Operation("GET", "/v1/balance", Spec(EXPAND), retrieve, "balance", "Retrieve the Balance")
]
