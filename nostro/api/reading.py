"""Reads rows for GET requests, expansions and lists: committed rows, without locks, of one account only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import msgspec

from nostro.api.errors import invalid_request, no_such
from nostro.api.parameters import TimeRange
from nostro.api.versions import EMBEDDED, Fetched
from nostro.balances.store import TRANSACTIONS
from nostro.customers.store import CUSTOMERS
from nostro.events.store import ENDPOINTS, EVENTS
from nostro.kernel.clock import SECOND
from nostro.kernel.ports import Reader
from nostro.kernel.table import Table
from nostro.payment_methods.store import METHODS
from nostro.payments.store import CHARGES, INTENTS
from nostro.refunds.store import REFUNDS

R = TypeVar("R", bound=msgspec.Struct)
FIRST, LAST = 0, 2**63 - 1
_TABLES: dict[str, Table[Any]] = {
    "pi": INTENTS, "ch": CHARGES, "re": REFUNDS, "pm": METHODS, "cus": CUSTOMERS,
    "txn": TRANSACTIONS, "evt": EVENTS, "we": ENDPOINTS,
}  # fmt: skip
_CHARGES_URL = re.compile(r"/v1/charges\?payment_intent=(\w+)")
_REFUNDS_URL = re.compile(r"/v1/charges/(\w+)/refunds")


class Page(msgspec.Struct, frozen=True):
    """What of a list is wanted: at most `limit` rows beside a cursor, created within a range."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: TimeRange | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Page:
        """The paging parameters of a request. ApiError 400 for both cursors at once."""
        after, before = params.get("starting_after"), params.get("ending_before")
        if after and before:
            raise invalid_request(
                "Received both starting_after and ending_before parameters. Please pass in only one."
            )
        return cls(params.get("limit", 10), after, before, params.get("created"))


class Reading:
    """Reads of one account in one book."""

    def __init__(self, reader: Reader, book: int, account: str) -> None:
        self._reader, self._book, self._account = reader, book, account

    async def one(self, table: Table[R], identifier: str) -> R | None:
        """A row of this account, or None."""
        rows = await self._reader.fetch(table.read, self._book, [identifier])
        row = table.decode(rows[0]) if rows else None
        return row if row is not None and row.account == self._account else None  # type: ignore[attr-defined]

    async def require(self, table: Table[R], identifier: str, kind: str, param: str = "id") -> R:
        """A row of this account. ApiError 404 `No such …` otherwise."""
        row = await self.one(table, identifier)
        if row is None:
            raise no_such(kind, identifier, param)
        return row

    async def page(self, table: Table[R], page: Page, *filters: Any) -> tuple[list[R], bool]:
        """Rows newest first and whether there are more in the direction of the cursor."""
        backwards = page.ending_before is not None
        low, high = FIRST, LAST
        if page.ending_before is not None:
            low = await self._seq(table, page.ending_before, "ending_before")
        elif page.starting_after is not None:
            high = await self._seq(table, page.starting_after, "starting_after")
        name = f"{'newer' if backwards else 'older'}_{table.name}"
        since, until = _milliseconds(page.created)
        rows = await self._reader.fetch(
            table.queries[name], self._book, self._account, low, high, since, until,
            page.limit + 1, *filters,
        )  # fmt: skip
        found = [table.decode(row) for row in rows[: page.limit]]
        return (found[::-1] if backwards else found), len(rows) > page.limit

    async def fetch(self, wanted: Sequence[str]) -> Mapping[str, Fetched]:
        """Rows by id and short lists by URL, for expansion: one statement a table."""
        found: dict[str, Fetched] = {}
        ids: dict[Table[Any], list[str]] = {}
        for key in wanted:
            table = _TABLES.get(key.partition("_")[0])
            if table is not None and not key.startswith("/"):
                ids.setdefault(table, []).append(key)
            elif (rows := await self._embedded(key)) is not None:
                found[key] = rows
        for table, keys in ids.items():
            for values in await self._reader.fetch(table.read, self._book, keys):
                row = table.decode(values)
                if row.account == self._account:
                    found[table.key_of(row)] = row
        return found

    async def _embedded(self, url: str) -> list[Any] | None:
        page = Page(limit=EMBEDDED + 1)  # one more tells that there are more
        if match := _CHARGES_URL.fullmatch(url):
            return (await self.page(CHARGES, page, None, match[1]))[0]
        if match := _REFUNDS_URL.fullmatch(url):
            return (await self.page(REFUNDS, page, match[1], None))[0]
        return None

    async def _seq(self, table: Table[Any], identifier: str, param: str) -> int:
        statement: LiteralString = table.queries[f"seq_of_{table.name}"]
        rows = await self._reader.fetch(statement, self._book, self._account, identifier)
        if not rows:
            kind = _KINDS.get(table.name, table.name)
            raise no_such(kind, identifier, param, status=400)
        seq: int = rows[0][0]
        return seq


_KINDS = {
    "payment_intents": "payment_intent", "charges": "charge", "refunds": "refund",
    "payment_methods": "PaymentMethod", "customers": "customer", "events": "event",
    "balance_transactions": "balance transaction", "webhook_endpoints": "webhook endpoint",
}  # fmt: skip


def _milliseconds(created: TimeRange | None) -> tuple[int, int]:
    if created is None:
        return FIRST, LAST
    return max(FIRST, created.first * SECOND), min(LAST, created.last * SECOND + SECOND - 1)
