"""A book with transfers of every kind, and a naive reading of it: every entry replayed in Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from nostro.kernel.ids import Mint
from nostro.kernel.posting import Balance, Kind, Transfer
from nostro.ledger.commands import PostTransfers
from tests.books import BOOK, CLOCK, ENTROPY, Books

CODES = ("merchant:acct_1:pending:usd", "merchant:acct_1:available:usd", "acquirer:x:clearing:usd",
         "platform:fees:usd")  # fmt: skip
SUBJECTS = ("ch_1", "ch_2", "re_1", "ch_3")
ROWS = """
SELECT t.seq, t.at_ms, t.effective_on - '1970-01-01'::date, t.posted, t.pending, d.code, c.code,
    t.code, t.subject
FROM nostro.transfers AS t
JOIN nostro.ledger_accounts AS d ON d.book_id = 1 AND d.account_no = t.debit_account
JOIN nostro.ledger_accounts AS c ON c.book_id = 1 AND c.account_no = t.credit_account
WHERE t.book_id = 1 ORDER BY t.seq
"""
Row = tuple[Any, ...]


def single(
    debit: str, credit: str, amount: int, code: str = "sale", subject: str = "ch_1",
    effective_on: int | None = None, kind: Kind = Kind.SINGLE, hold: str | None = None,
) -> Transfer:  # fmt: skip
    mint = Mint(ENTROPY.bytes(16), BOOK, CLOCK.system())
    return Transfer(
        mint.transfer_id(), kind, debit, credit, amount, "usd", code, subject, hold, False,
        effective_on,
    )  # fmt: skip


async def post(books: Books, *transfers: Transfer) -> None:
    """All or none of them, and they are accepted."""
    outcomes = await books.run(PostTransfers(BOOK, ENTROPY.bytes(16), (tuple(transfers),)))
    assert outcomes == [[None] * len(transfers)], outcomes


async def invent(books: Books, chance: random.Random, count: int) -> None:
    """Batches of random transfers; some holds, some of them voided."""
    holds: list[Transfer] = []
    for _ in range(count):
        debit, credit = chance.sample(CODES, 2)
        made = [single(debit, credit, chance.randint(1, 900), chance.choice(("sale", "fee")),
                       chance.choice(SUBJECTS), kind=chance.choice((Kind.SINGLE, Kind.HOLD)))
                for _ in range(chance.randint(1, 4))]  # fmt: skip
        if holds and chance.random() < 0.5:
            held = holds.pop()
            made.append(single(held.debit, held.credit, held.amount, "void", held.subject,
                               kind=Kind.VOID, hold=held.id))  # fmt: skip
        await post(books, *made)
        holds += [found for found in made if found.kind is Kind.HOLD]


async def rows(books: Books) -> list[Row]:
    """Every transfer."""
    return await books.rows(ROWS)


def replayed(found: Sequence[Row], code: str, until_ms: int) -> Balance:
    """An account's balance by an instant, from nothing."""
    dp = cp = dq = cq = version = 0
    for _, at_ms, _, posted, pending, debit, credit, *_ in found:
        if at_ms <= until_ms and code == debit:
            dp, dq, version = dp + posted, dq + pending, version + 1
        elif at_ms <= until_ms and code == credit:
            cp, cq, version = cp + posted, cq + pending, version + 1
    return Balance(dp, cp, dq, cq, version)


def effective(found: Sequence[Row], code: str, day: int) -> tuple[int, int]:
    """Posted debits and credits of transfers that count for a day or earlier."""
    return (
        sum(row[3] for row in found if row[5] == code and row[2] <= day),
        sum(row[3] for row in found if row[6] == code and row[2] <= day),
    )
