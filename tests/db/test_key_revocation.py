"""A revoked key is refused at the next request, though it was being looked up while it was revoked."""

import asyncio
from typing import Any, LiteralString

from nostro.db.pool import Pool
from nostro.db.urls import ConnectionUrls
from nostro.kernel.secret import Secret
from nostro.merchants.model import LIVE_BOOK, TEST_BOOK
from nostro.merchants.service import Merchants
from nostro.system import SystemClock, SystemEntropy


class RevokingPool(Pool):
    """A pool through which, once, a key is revoked between the reading of its row and the answer."""

    revoke: Any = None

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows as they were before the revocation."""
        rows = await super().fetch(statement, *parameters)
        revoke, self.revoke = self.revoke, None
        if revoke is not None:
            await revoke()
        return rows


def test_a_look_up_that_a_revocation_overtook_is_not_remembered(database: ConnectionUrls) -> None:
    asyncio.run(_overtaken(database.app))


async def _overtaken(url: str) -> None:
    pool = RevokingPool(url)
    merchants = Merchants(pool, Secret("hash key"), SystemClock(), SystemEntropy())
    merchants.may_remember = True
    try:
        for book, live, name in ((TEST_BOOK, False, "test"), (LIVE_BOOK, True, "live")):
            await merchants.open_book(book, live, name)
        account = (await merchants.create_account("shop")).account
        key = await merchants.create_key(account, False)
        pool.revoke = lambda: merchants.revoke(key)
        await merchants.authenticate(key.reveal())
        assert pool.revoke is None, "the revocation came in between"
        assert await merchants.authenticate(key.reveal()) is None
    finally:
        await pool.close()
