"""A ledger that its owner uses as a library, in no register of card payments: it is audited when it is asked for by number."""

from __future__ import annotations

import asyncio

from nostro.cli.verify import Held, reports_of
from nostro.db.urls import ConnectionUrls
from nostro.ledger.refusals import Refusal
from nostro.system import SystemClock
from nostro.verification.report import Report
from tests.ledger.books import BOOK, a_ledger, single


def test_a_ledger_of_its_own_is_clean(database: ConnectionUrls) -> None:
    async def report() -> Report:
        async with a_ledger(database) as ledger:
            noted = single(ledger, "merchant's till", "b", 5, metadata='{"name": "Ada"}')
            assert await ledger.post([noted, single(ledger, "a", "b", 0)]) == [
                None,
                Refusal.AMOUNT_NOT_POSITIVE,
            ]
            assert await ledger.erase_metadata(noted.id, "asked to")
        asked = reports_of(database.read_only, None, [BOOK], SystemClock(), full=Held())
        [found] = await asked
        return found

    found = asyncio.run(report())
    assert found.off() == {}
    assert found.audited is not None
    assert (found.audited.transfers, found.audited.anchored) == (1, None)
