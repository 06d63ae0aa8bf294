"""A transfer that was asked for before has the outcome it had then, within a batch as across batches."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from nostro.kernel.clock import DAY
from nostro.kernel.posting import Kind, Limits, Transfer
from nostro.ledger.fold import Account, Fold, Known
from nostro.ledger.refusals import Refusal

TODAY = 20_000
T = Transfer("t", Kind.SINGLE, "a", "b", 5, "usd", "c", "s")
BACKDATED = replace(T, effective_on=TODAY - 9)
REFUSED = replace(T, debit="floor")
REFUSED_BACKDATED = replace(REFUSED, effective_on=TODAY - 9)


def a_fold(known: dict[str, Known] | None = None) -> Fold:
    floor = Account("floor", "usd", 1, Limits(overdraft_max=0))
    return Fold({"floor": floor}, {}, 2, 1, TODAY * DAY + 7, known)


def known_by_the_book(first: Transfer, fold: Fold) -> Known:
    """As it is read back in the next batch: what was posted has its day, what was refused has what it asked for."""
    refused = next((found.reason for found in fold.rejected), None)
    if refused is None and first.effective_on is None:
        first = replace(first, effective_on=TODAY)
    return Known(first, refused)


def day(first: Transfer, number: int | None) -> Transfer:
    return replace(first, effective_on=number)


AGAIN: list[tuple[Transfer, Transfer, bool]] = [
    (T, T, True),
    (T, day(T, TODAY), True),
    (T, day(T, TODAY - 1), False),
    (BACKDATED, BACKDATED, True),
    (BACKDATED, day(T, None), True),
    (BACKDATED, day(T, TODAY), False),
    (REFUSED, REFUSED, True),
    (REFUSED, day(REFUSED, TODAY), False),
    (REFUSED_BACKDATED, REFUSED_BACKDATED, True),
    (REFUSED_BACKDATED, day(REFUSED, None), True),
    *[
        (first, replace(first, **{name: value}), False)
        for first in (T, REFUSED)
        for name, value in [
            ("kind", Kind.HOLD), ("debit", "x"), ("credit", "x"), ("amount", 6), ("amount", 0),
            ("currency", "eur"), ("code", "x"), ("subject", "x"), ("hold", "h"), ("final", True),
            ("expires_ms", 9), ("metadata", "{}"),
        ]
    ],
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "same"), AGAIN)
def test_the_second_time(first: Transfer, second: Transfer, same: bool) -> None:
    fold = a_fold()
    (outcome,) = fold.post_each([first])
    later = a_fold({"t": known_by_the_book(first, fold)})
    before = (len(fold.posted), len(fold.rejected))
    expected = [outcome if same else Refusal.ID_TAKEN]
    assert fold.post_each([second]) == expected
    assert (len(fold.posted), len(fold.rejected)) == before
    assert later.post_each([second]) == expected
    assert later.is_empty


def test_what_was_erased_is_not_compared() -> None:
    fold = a_fold({"t": Known(day(T, TODAY), None, erased=True)})
    assert fold.post_each([replace(T, metadata='{"name": "x"}')]) == [None]
    assert fold.post_each([replace(T, metadata='{"name": "x"}', amount=6)]) == [Refusal.ID_TAKEN]


def links(*names: str, **more: Any) -> list[Transfer]:
    return [replace(T, id=name, **more) for name in names]


def test_a_chain_that_is_partly_known_posts_nothing_and_burns_nothing() -> None:
    fold = a_fold()
    assert fold.post_each(links("t")) == [None]
    assert fold.post_each(links("t", "u")) == [None, Refusal.ID_TAKEN]
    assert fold.post_each(links("u", "t")) == [Refusal.ID_TAKEN, None]
    assert fold.post_each(links("u")) == [None]  # u was not taken: only its chain could not be
    assert len(fold.posted) == 2 and not fold.rejected


def test_a_chain_has_its_outcomes_again_whole_or_link_by_link() -> None:
    fold = a_fold()
    assert fold.post_each(links("t", "u")) == [None, None]
    assert fold.post_each(links("t", "u")) == [None, None]
    assert fold.post_each(links("u")) == [None]
    refused = [*links("x"), replace(REFUSED, id="y"), *links("z")]
    linked = Refusal.LINKED_TRANSFER_FAILED
    outcomes = [linked, Refusal.EXCEEDS_CREDITS, linked]
    assert fold.post_each(refused) == outcomes
    assert fold.post_each(refused) == outcomes
    assert [fold.post_each([link]) for link in refused] == [[outcome] for outcome in outcomes]
    assert len(fold.posted) == 2 and len(fold.rejected) == 3


def test_an_id_twice_in_one_chain_is_refused_and_leaves_no_row() -> None:
    fold = a_fold()
    assert fold.post_each(links("t", "u", "t")) == [Refusal.ID_TAKEN] * 3
    assert fold.is_empty and "t" not in fold.known
    assert fold.post_each(links("t")) == [None]
    assert fold.post_each(links("t", "t")) == [Refusal.ID_TAKEN] * 2


def test_a_refused_id_stays_refused_when_funds_came() -> None:
    fold = a_fold()
    assert fold.post_each([REFUSED]) == [Refusal.EXCEEDS_CREDITS]
    assert fold.post_each(links("funds", debit="b", credit="floor", amount=100)) == [None]
    assert fold.post_each([REFUSED]) == [Refusal.EXCEEDS_CREDITS]
    assert fold.post_each([replace(REFUSED, id="new")]) == [None]
