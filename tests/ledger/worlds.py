"""Small worlds: three accounts, up to four transfers from a small alphabet, linked into chains in every way.

A letter whose id is fixed means the same transfer each time it occurs: a retry, or an id that another letter took.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from nostro.kernel.posting import Kind, LimitChange, Limits, Transfer
from tests.ledger.books import NOW

SINGLE, HOLD, CAPTURE, VOID, EXPIRE = Kind
CODES = ("a", "b", "c")
Chains = list[list[Transfer]]


class Theme(NamedTuple):
    """Limits of accounts, and the letters."""

    name: str
    limits: dict[str, Limits]
    letters: tuple[Transfer, ...]


def letter(kind: Kind, amount: int, debit: str = "a", credit: str = "b", **more: Any) -> Transfer:
    """Without an id given, each occurrence is a transfer of its own."""
    fields = {"id": "", "currency": "usd", "code": "t", "subject": "s", **more}
    return Transfer(kind=kind, debit=debit, credit=credit, amount=amount, **fields)


MONEY = Theme("money", {"a": Limits(overdraft_max=1), "c": Limits(overcredit_max=1)}, (
    letter(SINGLE, 1), letter(SINGLE, 2), letter(SINGLE, 1, "b", "a"), letter(SINGLE, 1, "b", "c"),
    letter(SINGLE, 2, "c", "a"), letter(HOLD, 1, "b", "c"), letter(SINGLE, 1, currency="eur"),
    letter(SINGLE, 1, id="i"), letter(SINGLE, 1, id="i", effective_on=NOW // 86_400_000),
    letter(SINGLE, 0, id="j", credit="a"),
))  # fmt: skip
HOLDS = Theme("holds", {"a": Limits(overdraft_max=3)}, (
    letter(HOLD, 3, id="h"), letter(CAPTURE, 1, hold="h"), letter(CAPTURE, 2, hold="h"),
    letter(CAPTURE, 1, hold="h", final=True), letter(CAPTURE, 1, credit="c", hold="h"),
    letter(VOID, 3, hold="h"), letter(VOID, 2, hold="h"), letter(SINGLE, 1),
    letter(EXPIRE, 3, hold="h", id="x"), letter(VOID, 0, hold="h", credit="a"),
))  # fmt: skip
TIME = Theme("time", {"a": Limits(overdraft_max=4), "b": Limits(overcredit_max=4)}, (
    letter(HOLD, 2, id="e", expires_ms=NOW), letter(HOLD, 2, id="f", expires_ms=NOW + 1),
    letter(CAPTURE, 1, hold="e"), letter(CAPTURE, 3, hold="f"), letter(CAPTURE, 1, hold="f"),
    letter(EXPIRE, 2, hold="e"), letter(EXPIRE, 2, hold="f"), letter(VOID, 2, hold="e"),
    letter(SINGLE, 2), letter(HOLD, 2, id="e", expires_ms=NOW + 1),
))  # fmt: skip
THEMES = (MONEY, HOLDS, TIME)


def words(theme: Theme, most: int) -> Iterator[Chains]:
    """Every word of up to `most` letters, with its letters linked in every way."""
    for length in range(1, most + 1):
        for letters in itertools.product(theme.letters, repeat=length):
            transfers = told_apart(letters)
            for links in itertools.product((True, False), repeat=length - 1):
                yield linked(transfers, links)


def told_apart(letters: Sequence[Transfer]) -> list[Transfer]:
    return [
        found if found.id else replace(found, id=f"{place}") for place, found in enumerate(letters)
    ]


def linked(transfers: Sequence[Transfer], links: Sequence[bool]) -> Chains:
    chains: Chains = [[transfers[0]]]
    for transfer, link in zip(transfers[1:], links, strict=True):
        if link:
            chains[-1].append(transfer)
        else:
            chains.append([transfer])
    return chains


def any_letter(chance: random.Random) -> Transfer:
    """One of all transfers there are with small fields, most of which no alphabet has."""
    kind = chance.choice([SINGLE, HOLD, *Kind])
    pair = (chance.choice(CODES), chance.choice(CODES))
    if kind is not SINGLE:
        pair = chance.choice([("a", "b")] * 6 + [("b", "c"), pair])
    return letter(
        kind, chance.choice([0, 1, 1, 1, 2, 2, 2, 3]), *pair,
        id=chance.choice(["h", "h", "i", ""] if kind is HOLD else [""] * 9 + ["h", "i"]),
        currency=chance.choice(["usd"] * 30 + ["eur"]),
        hold=chance.choice(["h"] * 4 + ["i", "0"]) if kind in (CAPTURE, VOID, EXPIRE) else None,
        final=kind is CAPTURE and chance.random() < 0.3,
        expires_ms=chance.choice([None, None, None, NOW, NOW + 1]) if kind is HOLD else None,
        effective_on=chance.choice([None, None, NOW // 86_400_000, 9]),
    )  # fmt: skip


def any_world(chance: random.Random, most: int = 4) -> tuple[dict[str, Limits], Chains]:
    """Any limits, any letters, any links."""
    values = [None, None, None, None, None, 0, 1, 2, 3]
    limits = {code: Limits(chance.choice(values), chance.choice(values)) for code in CODES}
    letters = told_apart([any_letter(chance) for _ in range(chance.randint(1, most))])
    return limits, linked(letters, [chance.random() < 0.3 for _ in letters[1:]])


def moved(chains: Chains, prefix: str, ids: dict[str, str]) -> Chains:
    """The same world elsewhere: account codes behind a prefix, ids by a table."""

    def there(found: Transfer) -> Transfer:
        return replace(
            found, id=ids[found.id], hold=None if found.hold is None else ids[found.hold],
            debit=prefix + found.debit, credit=prefix + found.credit,
        )  # fmt: skip

    return [[there(found) for found in chain] for chain in chains]


def changes(limits: dict[str, Limits], prefix: str = "") -> list[LimitChange]:
    return [LimitChange(prefix + code, "usd", found) for code, found in limits.items()]
