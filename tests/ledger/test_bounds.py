"""What cannot be asked is told at once, with its field, and leaves no trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nostro.db.urls import ConnectionUrls
from nostro.ledger import InvalidArgument, Kind, Ledger, Refusal, Transfer
from nostro.ledger.bounds import (
    INTEGER_MAX,
    METADATA_BYTES_MAX,
    TEXT_MAX,
    TRANSFERS_MAX,
    check_transfer,
)
from nostro.ledger.days import LAST_DAY
from tests.db.sheets import ask
from tests.ledger.books import a_ledger, single

ID = "01a205c91e8d7bd6a5c56d0213f31bb9"
GOOD = Transfer(ID, Kind.SINGLE, "a", "b", 1, "usd", "c", "s")
HOLD, CAPTURE = replace(GOOD, kind=Kind.HOLD), replace(GOOD, kind=Kind.CAPTURE, hold=ID)
NO_TEXT = [None, 5, b"x", "", "x" * (TEXT_MAX + 1), "a\0b", "\ud800", "\0"]
NO_INTEGER = [None, "1", 1.0, True, False, 2**63, -(2**63), 10**400]
NO_ID = [
    None, "", 7, "x" * 32, ID[:-1], ID + "0", ID.upper(), "01a205c9-1e8d-7bd6-a5c5-6d0213f31bb9",
    ID[:12] + "4" + ID[13:], ID[:16] + "c" + ID[17:], ID + "\n", "٠" * 32,
]  # fmt: skip
NO_METADATA = [
    '"\\ud800"', "9" * 9_999, "-1e999",  # JSON by its grammar, and no reader's to keep
    5, b"{}", {}, "", "{", "nope", "{} {}", "NaN", '{"a":\ud800}', '"\0"', "[" * 16_000,
    '"' + "x" * METADATA_BYTES_MAX + '"', '"' + "é" * (METADATA_BYTES_MAX // 2) + '"',
]  # fmt: skip
BAD: list[tuple[str, Any, Transfer]] = [
    *[("id", value, GOOD) for value in NO_ID],
    *[(name, v, GOOD) for name in ("debit", "credit", "currency", "code") for v in NO_TEXT],
    *[("subject", value, GOOD) for value in NO_TEXT if value != ""],
    *[("amount", value, GOOD) for value in NO_INTEGER],
    *[("kind", value, GOOD) for value in ("single", None, 1)],
    *[("hold", value, CAPTURE) for value in NO_ID],
    ("hold", ID, GOOD), ("hold", ID, HOLD), ("hold", None, replace(CAPTURE, kind=Kind.EXPIRE)),
    *[("final", value, CAPTURE) for value in (None, 1, "t")],
    *[("final", True, kind) for kind in (GOOD, HOLD, replace(CAPTURE, kind=Kind.VOID))],
    *[("effective_on", value, GOOD) for value in (0, -1, LAST_DAY + 1, True, 1.5, "2026-01-01")],
    *[("expires_ms", value, HOLD) for value in (0, -1, 2**63, True, "9")],
    ("expires_ms", 9, GOOD), ("expires_ms", 9, CAPTURE),
    *[("metadata", value, GOOD) for value in NO_METADATA],
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "good"), BAD, ids=lambda value: repr(value)[:20])
def test_a_transfer_out_of_bounds(field: str, value: Any, good: Transfer) -> None:
    check_transfer(good)
    began = time.monotonic()
    with pytest.raises(InvalidArgument) as told:
        check_transfer(replace(good, **{field: value}))
    assert field in str(told.value) and time.monotonic() - began < 0.5
    assert str(value)[:40] not in str(told.value) or len(str(value)) < 20  # no echo of what came


AT_THE_EDGE = [
    replace(GOOD, amount=INTEGER_MAX), replace(GOOD, debit="x" * TEXT_MAX),
    replace(GOOD, debit="🏦" * TEXT_MAX, subject=""), replace(GOOD, effective_on=1),
    replace(GOOD, effective_on=LAST_DAY), replace(HOLD, expires_ms=INTEGER_MAX),
    replace(HOLD, expires_ms=1), replace(GOOD, metadata='"' + "x" * (METADATA_BYTES_MAX - 2) + '"'),
    replace(GOOD, metadata='"\\ud83c\\udfe6 \\u0000"'), replace(GOOD, code="'; DROP--\\\"{},NULL\n"),
    replace(GOOD, amount=-INTEGER_MAX), replace(GOOD, debit="NULL", credit="null"),
]  # fmt: skip


def test_what_is_at_the_edge_comes_back_as_it_was(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with a_ledger(database) as ledger:
            wanted = []
            for number, found in enumerate(AT_THE_EDGE):
                fields = {"debit": f"{number}{found.debit}"[:TEXT_MAX]}
                wanted.append(replace(found, id=ledger.new_transfer_id(), **fields))
            outcomes = await ledger.post(wanted)
            assert await ledger.post(wanted) == outcomes
            for transfer, outcome in zip(wanted, outcomes, strict=True):
                found = await ledger.transfer(transfer.id)
                assert found is not None and found.refusal == outcome
                told = replace(found.transfer, effective_on=transfer.effective_on)
                assert told == transfer

    asyncio.run(play())


def test_a_counter_never_passes_63_bits(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with a_ledger(database) as ledger:
            full = single(ledger, "a", "b", INTEGER_MAX)
            one = single(ledger, "c", "b", 1)
            hold = replace(single(ledger, "a", "c", 1), kind=Kind.HOLD)
            assert await ledger.post([full, one, hold]) == [
                None, Refusal.BALANCE_TOO_LARGE, Refusal.BALANCE_TOO_LARGE,
            ]  # fmt: skip
            assert (await ledger.balance("b")).owed == INTEGER_MAX

    asyncio.run(play())


Call = Callable[[Ledger], Awaitable[Any]]
NO_CALLS: list[Call] = [
    lambda ledger: ledger.post([single(ledger, "a", "b", 1)] * (TRANSFERS_MAX + 1)),
    lambda ledger: ledger.post([[single(ledger, "a", "b", 1)] * (TRANSFERS_MAX + 1)]),
    lambda ledger: ledger.post([single(ledger, "a", "b", 1), []]),
    lambda ledger: ledger.post([single(ledger, "a", "b", 1), 5]),  # type: ignore[list-item]
    lambda ledger: ledger.post([single(ledger, "a", "b", 1), "ab"]),  # type: ignore[list-item]
    lambda ledger: ledger.post([[single(ledger, "a", "b", 1), None]]),  # type: ignore[list-item]
    lambda ledger: ledger.post([single(ledger, "a", "b", 1), single(ledger, "a", "b", "1")]),
    lambda ledger: ledger.post([single(ledger, "a", "b", 1), single(ledger, "a", "\0", 1)]),
    *[lambda ledger, v=v: ledger.post(v) for v in (None, 5, GOOD, "ab", [None], [[None]], {GOOD})],
    *[lambda ledger, v=v: ledger.open_account(v, "usd") for v in NO_TEXT],
    *[lambda ledger, v=v: ledger.set_limits("a", v) for v in NO_TEXT],
    *[lambda ledger, v=v: ledger.open_account("a", "usd", v) for v in [*NO_INTEGER[1:], -1]],
    *[lambda ledger, v=v: ledger.set_limits("a", "usd", None, v) for v in [*NO_INTEGER[1:], -1]],
    *[lambda ledger, v=v: ledger.balance(v) for v in NO_TEXT],
    *[lambda ledger, v=v: ledger.history(v) for v in NO_TEXT],
    *[lambda ledger, v=v: ledger.history("a", v) for v in [*NO_INTEGER, -1]],
    *[lambda ledger, v=v: ledger.history("a", 0, v) for v in [*NO_INTEGER, 0, -1, 1_001]],
    *[lambda ledger, v=v: ledger.transfer(v) for v in NO_ID],
    *[lambda ledger, v=v: ledger.erase_metadata(v, "r") for v in NO_ID],
    *[lambda ledger, v=v: ledger.erase_metadata(ID, v) for v in NO_TEXT],
]


def test_a_call_out_of_bounds_changes_nothing(database: ConnectionUrls) -> None:
    async def play() -> None:
        async with a_ledger(database) as ledger:
            for call in NO_CALLS:
                with pytest.raises(InvalidArgument):
                    await asyncio.wait_for(call(ledger), 1)
            assert await ask(database, "SELECT FROM nostro.batches") == []
            assert await ledger.post([single(ledger, "a", "b", 1)]) == [None]

    asyncio.run(play())


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
    st.sampled_from([ID, *Kind]), st.text(st.characters(categories=["Cs", "Cc", "L"])),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(GOOD.__struct_fields__), anything, st.sampled_from([GOOD, HOLD, CAPTURE]))
def test_anything_at_all_is_in_bounds_or_told(field: str, value: Any, good: Transfer) -> None:
    try:
        check_transfer(replace(good, **{field: value}))
    except InvalidArgument:
        return
    if isinstance(value, str):
        assert "\0" not in value and value.encode() is not None
