"""Limits and movements of one account in one batch: the database's checks see both at once."""

from __future__ import annotations

import asyncio

import pytest

from nostro.db.urls import ConnectionUrls
from nostro.kernel.ids import Mint
from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from nostro.ledger.commands import PostTransfers, SetLimits
from tests.db.sheets import BOOK, CLOCK, Sheet, conserved, seed, sheet_on


def limit(overdraft_max: int | None) -> SetLimits:
    return SetLimits(BOOK, seed(), LimitChange("a", "usd", Limits(overdraft_max)))


def post(debit: str, credit: str, amount: int) -> PostTransfers:
    identifier = Mint(seed(), BOOK, CLOCK.system()).transfer_id()
    transfer = Transfer(identifier, Kind.SINGLE, debit, credit, amount, "usd", "t", "s")
    return PostTransfers(BOOK, seed(), ((transfer,),))


HISTORIES = [
    [limit(100), post("a", "b", 50)],  # counters that the old limits forbid
    [limit(100), post("a", "b", 80), post("b", "a", 80), limit(0)],  # and the other way round
]


@pytest.mark.parametrize("commands", HISTORIES, ids=["wider", "narrower"])
def test_limits_and_movements_fit_into_one_batch(
    database: ConnectionUrls, commands: list[PostTransfers | SetLimits]
) -> None:
    async def play() -> None:
        async with sheet_on(database) as sheet:
            await _narrow(sheet)
            before = await sheet.batches()
            answers = await sheet.together(*commands)
            assert [str(found) for found in answers] == [
                "[None]" if isinstance(found, SetLimits) else "[[None]]" for found in commands
            ]
            assert await sheet.batches() == before + 1
            await conserved(database)

    asyncio.run(play())


async def _narrow(sheet: Sheet) -> None:
    """Account a exists, moved before, and may owe nothing."""
    await sheet.together(post("b", "a", 1), post("a", "b", 1))
    assert await sheet.together(limit(0)) == [[None]]
