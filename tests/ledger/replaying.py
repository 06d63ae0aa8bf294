"""Decides a book again from its tables: accepted, refused and limited in the order in which it happened."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nostro.db.urls import ConnectionUrls
from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from nostro.ledger.fold import Fold
from tests.db.sheets import ask

Place = tuple[int, int, int, int]


class Event(NamedTuple):
    """What happened: at its place, in a batch of that time, as part of a chain."""

    place: Place
    at_ms: int
    chain: str
    what: Transfer | LimitChange
    reason: str | None


_HEX = "replace({}::text, '-', '')"
_TERMS = f"""t.kind, {{}}, t.amount, t.currency, t.code, t.subject, {_HEX.format("t.hold_id")},
    t.final, t.effective_on - '1970-01-01'::date, t.expires_ms"""
_ACCEPTED = f"""
SELECT t.seq, t.at_ms, {_HEX.format("coalesce(t.chain_id, t.transfer_id)")},
    {_HEX.format("t.transfer_id")}, {_TERMS.format("d.code, c.code")}
FROM nostro.transfers AS t
INNER JOIN nostro.ledger_accounts AS d ON t.debit_account = d.account_no
INNER JOIN nostro.ledger_accounts AS c ON t.credit_account = c.account_no
"""
_REFUSED = f"""
SELECT t.after_seq, t.batch_no, t.ordinal, b.at_ms, t.reason,
    {_HEX.format("coalesce(t.chain_id, t.transfer_id)")}, {_HEX.format("t.transfer_id")},
    {_TERMS.format("t.debit, t.credit")}
FROM nostro.rejections AS t INNER JOIN nostro.batches AS b USING (book_id, batch_no)
"""
_LIMITED = """
SELECT l.after_seq, l.batch_no, l.ordinal, b.at_ms, a.code, a.currency,
    l.overdraft_max, l.overcredit_max
FROM nostro.limit_changes AS l
INNER JOIN nostro.batches AS b USING (book_id, batch_no)
INNER JOIN nostro.ledger_accounts AS a USING (book_id, account_no)
"""
_ACCOUNTS = """
SELECT code, account_no, currency, overdraft_max, overcredit_max,
    debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.ledger_accounts
"""
_HOLDS = f"""
SELECT {_HEX.format("hold_id")}, debit, credit, currency, amount, remaining, open, subject,
    expires_ms
FROM nostro.holds
"""
_ENTRIES = """
SELECT transfer_seq, side, account_no, posted, pending,
    debits_posted, credits_posted, debits_pending, credits_pending, version
FROM nostro.entries ORDER BY transfer_seq, side DESC
"""


async def replayed(urls: ConnectionUrls) -> tuple[int, int]:
    """Assert that the fold, from nothing, gives the book's rows. Returns how many were accepted and refused."""
    fold = Fold({}, {}, 1)
    events = sorted(await _events(urls), key=lambda event: event.place)
    for _, found in itertools.groupby(events, key=lambda event: event.chain):
        _happens(fold, list(found))
    assert await ask(urls, _ENTRIES) == list(_entries(fold))
    accounts = [
        (a.code, a.number, a.currency, a.overdraft_max, a.overcredit_max, *a.counters())
        for a in fold.accounts.values()
    ]
    assert sorted(await ask(urls, _ACCOUNTS)) == sorted(accounts)
    stored = {row[0]: row for row in await ask(urls, _HOLDS)}
    assert stored == {
        key: tuple(getattr(hold, name) for name in hold.__struct_fields__)
        for key, hold in fold.holds.items()
    }
    return len(fold.posted), len(fold.rejected)


async def _events(urls: ConnectionUrls) -> list[Event]:
    events = []
    for seq, at_ms, chain, *terms in await ask(urls, _ACCEPTED):
        events.append(Event((seq, 0, 0, 0), at_ms, chain, _transfer(terms), None))
    for after, batch, ordinal, at_ms, reason, chain, *terms in await ask(urls, _REFUSED):
        place = (after, 1, batch, ordinal)
        events.append(Event(place, at_ms, chain, _transfer(terms), reason))
    for after, batch, ordinal, at_ms, code, currency, *most in await ask(urls, _LIMITED):
        change = LimitChange(code, currency, Limits(*most))
        events.append(Event((after, 1, batch, ordinal), at_ms, f"{batch}.{ordinal}", change, None))
    return events


def _transfer(terms: Sequence[Any]) -> Transfer:
    return Transfer(terms[0], Kind(terms[1]), *terms[2:])


def _happens(fold: Fold, events: list[Event]) -> None:
    """A chain, or a change of limits: with the outcome that is on record, at the place that is on record."""
    first = events[0]
    fold.now_ms = first.at_ms
    if isinstance(first.what, LimitChange):
        assert fold.limit(first.what) is None and fold.last_seq == first.place[0]
        return
    chain = [event.what for event in events if isinstance(event.what, Transfer)]
    assert fold.post_each(chain) == [event.reason for event in events]
    for event in events:
        assert event.place[0] == fold.last_seq if event.reason else event.place[0] <= fold.last_seq


def _entries(fold: Fold) -> Iterator[tuple[Any, ...]]:
    for seq, found in enumerate(fold.posted, 1):
        for entry in (found.debit, found.credit):
            yield seq, entry.side, entry.account, found.posted, found.pending, *entry.after
