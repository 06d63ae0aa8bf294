"""/nostro/v1/ledger: a merchant's own ledger accounts, their statements, and what became of its payments.

One rule: a key sees the accounts `merchant:{its id}:…` of its book. Of other accounts it sees the codes, where they stand
across from its own, and never a balance. Times are Unix seconds, amounts minor units, positive where we owe the merchant.
"""

from __future__ import annotations

from typing import Any

from nostro.api.errors import invalid_request, no_such
from nostro.api.fields import FARTHEST_SECOND
from nostro.api.operation import Call, Operation, Reply, Shown
from nostro.api.parameters import Currency, Integer, Spec, String
from nostro.api.reading import Page
from nostro.api.render.ledger import account_object, entry_object, explanation_object
from nostro.api.render.lists import list_object
from nostro.kernel.clock import SECOND
from nostro.ledger import sides, statement
from nostro.ledger.accounts import LedgerAccount, find_account, list_accounts
from nostro.ledger.balance_at import balance_at, balance_by_effective_date
from nostro.ledger.days import day_from
from nostro.verification.explanation import explain, transfer_id

URL = "/nostro/v1/ledger/accounts"
ACCOUNT, ENTRY, EXPLANATION = "ledger_account", "ledger_entry", "ledger_explanation"
_CURSORS = {
    "limit": Integer(minimum=1, maximum=100, default=10),
    "starting_after": String(longest=255),
    "ending_before": String(longest=255),
}
_second = Integer(minimum=0, maximum=FARTHEST_SECOND)
LIST = Spec({**_CURSORS, "currency": Currency()})
BALANCE = Spec({"at": _second, "effective_on": String(longest=10)}, [("at", "effective_on")])
STATEMENT = Spec(
    {**_CURSORS, "from": _second, "to": _second, "code": String(longest=255),
     "subject": String(longest=255)}
)  # fmt: skip


async def listing(call: Call) -> Reply:
    """The merchant's ledger accounts with their balances now, by code."""
    page = Page.of(call.params)
    found = await list_accounts(
        call.services.reader, call.book, _prefix(call), call.params.get("currency"),
        page.starting_after, page.ending_before, page.limit,
    )  # fmt: skip
    shown = [account_object(account, account.balance) for account in found.accounts]
    return Shown(list_object(shown, URL, found.has_more))


async def retrieve(call: Call) -> Reply:
    """A balance: now, as recorded by the end of the second `at`, or by effective date at the end of the day `effective_on`."""
    account, reader, params = await _own(call), call.services.reader, call.params
    if "effective_on" in params:
        day = _day(params["effective_on"])
        found = await balance_by_effective_date(reader, call.book, account.number, day)
        return Shown(account_object(account, found, effective_on=params["effective_on"]))
    if "at" in params:
        until = params["at"] * SECOND + SECOND - 1
        found = await balance_at(reader, call.book, account.number, until)
        return Shown(account_object(account, found, at=params["at"]))
    return Shown(account_object(account, account.balance))


async def entries(call: Call) -> Reply:
    """The entries of the instants from `from` up to, and not including, `to`: the oldest first, with the balance after each."""
    account, params, page = await _own(call), call.params, Page.of(call.params)
    start, end = (params[n] * SECOND if n in params else None for n in ("from", "to"))
    reader, book = call.services.reader, call.book
    within = await statement.bounds(reader, book, account, start, end)
    after = await _number(call, account, page.starting_after, "starting_after")
    before = await _number(call, account, page.ending_before, "ending_before")
    filters = statement.Filters(params.get("code"), params.get("subject"))
    found = await statement.entries(
        reader, book, account, within, filters, after, before, page.limit
    )
    url = f"{URL}/{account.code}/statement"
    body = list_object([entry_object(entry) for entry in found.entries], url, found.has_more)
    return Shown(
        body
        | {
            "currency": account.currency,
            "opening_balance": sides.posted(account.code, within.opening),
            "closing_balance": sides.posted(account.code, within.closing),
        }
    )


async def explained(call: Call) -> Reply:
    """A payment's or a refund's transfers in order, its accounts' balances after each, and who did what when."""
    identifier = call.path["id"]
    found = await explain(call.services.reader, call.book, identifier)
    if found is None or found.account != call.account:
        raise no_such("payment or refund", identifier)
    return Shown(explanation_object(found, _prefix(call)))


def _prefix(call: Call) -> str:
    return f"merchant:{call.account}:"


async def _own(call: Call) -> LedgerAccount:
    code = call.path["code"]
    own = code.startswith(_prefix(call))
    account = await find_account(call.services.reader, call.book, code) if own else None
    if account is None:
        raise no_such("ledger account", code, "code")
    return account


async def _number(call: Call, account: LedgerAccount, cursor: str | None, param: str) -> int | None:
    """The number of the entry that a cursor, its id, names."""
    if cursor is None:
        return None
    transfer = transfer_id(cursor)
    found: Any = None
    if transfer is not None:
        found = await statement.number_of(call.services.reader, call.book, account, transfer)
    if found is None:
        raise no_such("ledger entry", cursor, param, status=400)
    return int(found)


def _day(text: str) -> int:
    try:
        return day_from(text)
    except ValueError:
        raise invalid_request(
            "Invalid effective_on: it is written as YYYY-MM-DD.", param="effective_on"
        ) from None


OPERATIONS = [
    Operation("GET", URL, LIST, listing, ACCOUNT, "List ledger accounts", listed=True),
    Operation("GET", URL + "/{code}", BALANCE, retrieve, ACCOUNT, "Retrieve the balance of a ledger account"),
    Operation("GET", URL + "/{code}/statement", STATEMENT, entries, ENTRY, "List the entries of a ledger account", listed=True),
    Operation("GET", "/nostro/v1/ledger/explain/{id}", Spec({}), explained, EXPLANATION, "Explain a payment or refund"),
]  # fmt: skip
