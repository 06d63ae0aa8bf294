"""Reads a book page by page, by key, so that its size does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from nostro.kernel.ports import Reader
from nostro.ledger.balance_at import balances_as_of
from nostro.ledger.export.model import Movement, Standing
from nostro.ledger.position import position
from nostro.ledger.store import QUERIES

PAGE = 2_000


class Extent(NamedTuple):
    """A part of a book: its transfers up to `last_seq`. `whole`: as it stands, not as it stood."""

    book: int
    last_seq: int
    whole: bool


async def extent(reader: Reader, book: int, until_ms: int | None) -> Extent:
    """What there is, or was at an instant. Raises Misconfigured for a book that is not there."""
    return Extent(book, await position(reader, book, until_ms), until_ms is None)


async def movements(reader: Reader, part: Extent) -> AsyncIterator[Sequence[Movement]]:
    """Transfers in order."""
    after = 0
    while True:
        rows = await reader.fetch(QUERIES["page_transfers"], part.book, after, part.last_seq, PAGE)
        if rows:
            yield [Movement(*row) for row in rows]
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


async def standings(reader: Reader, part: Extent) -> AsyncIterator[Sequence[Standing]]:
    """Accounts in order of their numbers, as the ledger stores them: no sum of transfers is taken here."""
    after = 0
    while True:
        rows = await reader.fetch(QUERIES["page_accounts"], part.book, after, PAGE)
        page = [Standing(*row) for row in rows]
        if page:
            yield page if part.whole else await _as_of(reader, part, page)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


async def _as_of(reader: Reader, part: Extent, page: Sequence[Standing]) -> Sequence[Standing]:
    """The same accounts as their entries have them; those that nothing had moved yet are left out."""
    wanted = [(account.number, part.last_seq) for account in page]
    found = await balances_as_of(reader, part.book, wanted)
    return [
        account._replace(
            posted=balance.debits_posted - balance.credits_posted,
            pending=balance.debits_pending - balance.credits_pending,
        )
        for account, balance in zip(page, found, strict=True)
        if balance.version
    ]
