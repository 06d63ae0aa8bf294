"""A book as text for another program: accounts, transfers, and what the ledger says all of it comes to.

Transactions come from `transfers`, assertions from the balances that are stored beside them. The program that reads both
adds up for itself, and knows nothing of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from enum import StrEnum

from nostro.kernel.ports import Reader
from nostro.ledger.export.beancount import Beancount
from nostro.ledger.export.hledger import Hledger
from nostro.ledger.export.model import Form, Standing
from nostro.ledger.export.pages import Extent, extent, movements, standings


class Format(StrEnum):
    """Programs that can judge a book."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"


FORMS: dict[Format, Callable[[], Form]] = {
    Format.BEANCOUNT: Beancount,
    Format.HLEDGER: Hledger,
}


class Export:
    """One export under way; `transfers` of `expected` are written, and `accounts`."""

    def __init__(self, reader: Reader, part: Extent, form: Form) -> None:
        self._reader, self._part, self._form = reader, part, form
        self.expected = part.last_seq
        self.transfers = self.accounts = 0
        self._last_day = 0

    @classmethod
    async def of(
        cls, reader: Reader, book: int, wanted: Format, until_ms: int | None = None
    ) -> Export:
        """Begin one: of all there is, or of what was there at an instant (business time, milliseconds).

        Raises Misconfigured for a book that is not there.
        """
        return cls(reader, await extent(reader, book, until_ms), FORMS[wanted]())

    async def pieces(self) -> AsyncIterator[str]:
        """The text, a page at a time. The last line says how much there was: without it, it was cut off."""
        yield f"; Nostro, book {self._part.book}, transfers up to {self.expected}; minor units\n"
        async for piece in self._openings():
            yield piece
        async for page in movements(self._reader, self._part):
            self._last_day = max(self._last_day, *(found.written_day for found in page))
            self.transfers += len(page)
            yield "".join(map(self._form.transaction, page))
        async for piece in self._closings():
            yield piece
        yield f"; end: {self.transfers} transfers, {self.accounts} accounts\n"

    async def _openings(self) -> AsyncIterator[str]:
        declared: set[str] = set()
        async for page in standings(self._reader, self._part):
            yield "".join(self._opening(account, declared) for account in page)

    def _opening(self, account: Standing, declared: set[str]) -> str:
        opening = self._form.opening(account)
        if account.commodity in declared:
            return opening
        declared.add(account.commodity)
        return self._form.commodity(account.commodity) + opening

    async def _closings(self) -> AsyncIterator[str]:
        """On the day after the last that any transfer counts for, wherever in the order that one is."""
        yield "\n"
        async for page in standings(self._reader, self._part):
            self.accounts += len(page)
            yield "".join(self._form.closing(account, self._last_day + 1) for account in page)
