"""The fold against a ledger written independently and naively, on histories that hypothesis invents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.kernel.posting import Kind, Limits, Transfer
from nostro.ledger.fold import Account, Fold
from nostro.ledger.refusals import Refusal
from tests.unit.ledger.naive import NaiveLedger

CODES = ("a", "b", "c")
HOLDS = tuple(f"h{number}" for number in range(4))


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    kind = draw(st.sampled_from([Kind.SINGLE, Kind.HOLD, Kind.HOLD, *Kind]))
    pair = draw(st.permutations(CODES)) if draw(st.integers(0, 9)) else ["a", "a"]
    needs_hold = kind in (Kind.CAPTURE, Kind.VOID, Kind.EXPIRE)
    return Transfer(
        "", kind, pair[0], pair[1], draw(st.integers(-1, 9)),
        "eur" if draw(st.integers(0, 19)) == 0 else "usd", "t", "s",
        draw(st.sampled_from(HOLDS)) if needs_hold else None, draw(st.booleans()),
    )  # fmt: skip


Chains = list[list[Transfer]]
CHAINS = st.lists(st.lists(transfers(), min_size=1, max_size=4), max_size=25)


def told_apart(chains: Chains) -> Chains:
    """Each hold gets the next id; what acts on a hold takes its accounts, most of the time its remainder fits."""
    made: dict[str, Transfer] = {}
    told = []
    for number, chain in enumerate(chains):
        links = []
        for at, link in enumerate(chain):
            fields: dict[str, Any] = {"id": f"t{number}.{at}"}
            if link.kind is Kind.HOLD and len(made) < len(HOLDS):
                fields["id"] = HOLDS[len(made)]
                made[fields["id"]] = link
            elif link.hold in made and link.amount % 4:
                fields |= {"debit": made[link.hold].debit, "credit": made[link.hold].credit}
            links.append(_replace(link, fields))
        told.append(links)
    return told


def _replace(transfer: Transfer, fields: dict[str, Any]) -> Transfer:
    values = {name: getattr(transfer, name) for name in transfer.__struct_fields__}
    return Transfer(**{**values, **fields})


def a_fold(floors: frozenset[str]) -> Fold:
    accounts = {
        code: Account(code, "usd", n + 1, Limits(overdraft_max=0))
        for n, code in enumerate(sorted(floors))
    }
    return Fold(accounts, {}, len(accounts) + 1)


def state(fold: Fold) -> Any:
    return (
        {code: (found.number, found.currency, found.counters()) for code, found in fold.accounts.items()},
        dict(fold.holds), dict(fold.touched_holds), fold.next_number, len(fold.posted),
    )  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(CHAINS, st.frozensets(st.sampled_from(CODES), max_size=2))
def test_the_fold_agrees_with_a_naive_ledger(chains: Chains, floors: frozenset[str]) -> None:
    fold, naive = a_fold(floors), NaiveLedger(floors)
    naive.currencies = dict.fromkeys(floors, "usd")
    for chain in told_apart(chains):
        before = state(fold)
        refusal = fold.post_chain(chain)
        assert (refusal is None) == naive.post_chain(chain), (refusal, chain)
        if refusal is not None:
            assert state(fold) == before
        agree(fold, naive)


def agree(fold: Fold, naive: NaiveLedger) -> None:
    for code, account in fold.accounts.items():
        assert account.counters() == naive.counters(code)
        assert account.currency == naive.currencies[code]
        assert min(account.counters()) >= 0
    for identifier, hold in fold.holds.items():
        assert hold.remaining == naive.remaining(identifier)
        assert hold.open == (hold.remaining > 0)
    assert sorted(found.number for found in fold.accounts.values()) == list(
        range(1, fold.next_number)
    )
    sums = [found.counters() for found in fold.accounts.values()]
    assert sum(s[0] for s in sums) == sum(s[1] for s in sums)
    assert sum(s[2] for s in sums) == sum(s[3] for s in sums)


@settings(max_examples=100, deadline=None)
@given(CHAINS, st.integers(0, 24))
def test_batches_may_be_cut_anywhere(chains: Chains, cut: int) -> None:
    """One long fold, or two with the state of the first carried over: the same entries."""
    told = told_apart(chains)
    whole = Fold({}, {}, 1)
    refusals = [whole.post_chain(chain) for chain in told]
    first = Fold({}, {}, 1)
    parts = [first.post_chain(chain) for chain in told[:cut]]
    accounts = {
        code: Account(code, found.currency, found.number, Limits(), found.counters())
        for code, found in first.accounts.items()
    }
    second = Fold(accounts, dict(first.holds), first.next_number)
    parts += [second.post_chain(chain) for chain in told[cut:]]
    assert parts == refusals
    entries = [
        (found.transfer.id, found.posted, found.pending, found.debit.after, found.credit.after)
        for fold in (first, second)
        for found in fold.posted
    ]
    assert entries == [
        (found.transfer.id, found.posted, found.pending, found.debit.after, found.credit.after)
        for found in whole.posted
    ]


@settings(max_examples=100, deadline=None)
@given(CHAINS, st.integers(0, 3))
def test_an_exception_leaves_the_fold_as_it_was(chains: Chains, at: int) -> None:
    fold = Fold({}, {}, 1)
    for chain in told_apart(chains):
        fold.post_chain(chain)
    before = state(fold)
    broken = Transfer("x", Kind.SINGLE, "a", "new", "5", "usd", "t", "s")  # type: ignore[arg-type]
    good = Transfer("y", Kind.HOLD, "other", "another", 5, "usd", "t", "s")
    with pytest.raises(TypeError):
        fold.post_chain([good] * at + [broken])
    assert state(fold) == before


SINGLE, HOLD, CAPTURE, VOID = Kind.SINGLE, Kind.HOLD, Kind.CAPTURE, Kind.VOID


def do(kind: Kind, amount: int, **more: Any) -> Transfer:
    fields: dict[str, Any] = {"debit": "a", "credit": "b", "currency": "usd", "id": "t", **more}
    return Transfer(kind=kind, amount=amount, code="t", subject="s", **fields)


REFUSALS = [
    (Refusal.AMOUNT_NOT_POSITIVE, [do(SINGLE, 0)]),
    (Refusal.AMOUNT_NOT_POSITIVE, [do(SINGLE, -1, credit="a")]),
    (Refusal.ACCOUNTS_ARE_THE_SAME, [do(SINGLE, 1, credit="a")]),
    (Refusal.CURRENCY_DIFFERS, [do(SINGLE, 1), do(SINGLE, 1, currency="eur")]),
    (Refusal.HOLD_NOT_FOUND, [do(CAPTURE, 1, hold="no")]),
    (Refusal.HOLD_NOT_FOUND, [do(VOID, 1)]),
    (Refusal.HOLD_NOT_OPEN, [do(HOLD, 5, id="h"), do(VOID, 5, hold="h"), do(VOID, 5, hold="h")]),
    (Refusal.HOLD_DIFFERS, [do(HOLD, 5, id="h"), do(CAPTURE, 5, hold="h", credit="c")]),
    (Refusal.HOLD_DIFFERS, [do(HOLD, 5, id="h"), do(VOID, 4, hold="h")]),
    (Refusal.EXCEEDS_HOLD, [do(HOLD, 5, id="h"), do(CAPTURE, 3, hold="h"), do(CAPTURE, 3, hold="h")]),
    (Refusal.EXCEEDS_CREDITS, [do(SINGLE, 1, debit="floor")]),
    (Refusal.EXCEEDS_CREDITS, [do(HOLD, 1, debit="floor")]),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "chain"), REFUSALS)
def test_each_refusal(refusal: Refusal, chain: list[Transfer]) -> None:
    fold = a_fold(frozenset({"floor"}))
    before = state(fold)
    assert fold.post_chain(chain) is refusal
    assert state(fold) == before


def test_many_captures_of_one_hold() -> None:
    fold = Fold({}, {}, 1)
    chain = [do(HOLD, 10, id="h"), do(CAPTURE, 3, hold="h"), do(CAPTURE, 2, hold="h", final=True)]
    assert fold.post_chain(chain) is None
    assert fold.accounts["a"].counters() == (5, 0, 0, 0, 3)
    assert (fold.holds["h"].remaining, fold.holds["h"].open) == (0, False)
