"""The audit makes the bytes of plain rows itself: they are those of `nostro.audit.leaves`, and nothing odd takes that way."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any

import pytest

from nostro.audit import leaves
from nostro.ledger.fold import Account
from nostro.verification import record_hashes
from nostro.verification.steps import Codes

CODES = Codes({1: "user:é:wallet:usd", 2: "b"})
# seq, id, chain, hold, kind, final, amount, posted, pending, day, expires, debit, credit, currency, code, subject,
# metadata hash, batch, time
PLAIN = (7, bytes(range(16)), None, None, "single", False, 100, 100, 0, 20_000, None, 1, 2, "usd",
         "sale", "ch_1", None, 3, 4)  # fmt: skip


def _hashed(row: tuple[Any, ...]) -> tuple[bytes, list[str]]:
    refused: list[str] = []
    [found] = record_hashes.transfers(
        5, [row], CODES.__getitem__, lambda _, why: refused.append(why)
    )
    return found, refused


def _expected(row: tuple[Any, ...]) -> bytes:
    codes = (CODES[row[11]], CODES[row[12]])
    return sha256(b"\0" + leaves.transfer(5, *row[:11], *codes, *row[13:17])).digest()


def _with(at: int, value: Any) -> tuple[Any, ...]:
    return (*PLAIN[:at], value, *PLAIN[at + 1 :])


@pytest.mark.parametrize(
    "row",
    [
        PLAIN, _with(2, b"c" * 16), _with(3, b"h" * 16), _with(4, "hold"), _with(5, True),
        _with(6, -(2**63)), _with(10, 99), _with(15, ""), _with(16, b"m" * 32), _with(15, None),
    ],
)  # fmt: skip
def test_rows_hash_as_the_committer_hashes_them(row: tuple[Any, ...]) -> None:
    assert _hashed(row) == (_expected(row), [])


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, None), (0, -1), (1, b"short"), (1, None), (2, bytes(16)), (3, bytes(16)), (4, "odd"),
        (5, None), (6, None), (6, 2**63), (9, 0), (9, -1), (10, 0), (16, bytes(32)), (16, b"x"),
    ],
)  # fmt: skip
def test_what_has_no_form_in_the_log_is_refused(at: int, value: Any) -> None:
    _, refused = _hashed(_with(at, value))
    assert len(refused) == 1


def test_balances_hash_as_the_committer_hashes_them() -> None:
    chance = random.Random(3)
    for limits in ((None, None), (0, None), (None, 7), (5, 6)):
        account = Account("user:é", "usd", 9, counters=(1, 2, 3, chance.randrange(2**60), 5))
        account.overdraft_max, account.overcredit_max = limits
        data = leaves.balance(5, 9, 5, 1, 2, 3, account.cq, *limits, "user:é", "usd")
        assert record_hashes.balances(5, [account]) == [sha256(b"\0" + data).digest()]
