"""Compares the database's catalogue with what it is after the migrations of this release: tables, rules, functions, roles.

A first line only: a superuser who knows how can change what the catalogue itself says. What was signed is the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from nostro.kernel.queries import load
from nostro.verification.checks import SCHEMA
from nostro.verification.findings import Findings
from nostro.verification.report import Result
from nostro.verification.snapshot import Snapshot

QUERIES = load("nostro.verification", "catalogue.sql")
ASKED_FIRST = ("qualified", "server")
OF_ROLES = ("privilege", "role", "membership", "setting")
OF_RELATIONS = (
    "column", "constraint", "index", "trigger", "rule", "policy", "inheritance", "privilege",
)  # fmt: skip
OWNER = "nostro_owner"  # on the server that we embed
FILE = "catalogue.json"
SHOWN_MAX = 200  # characters

# By kind and name: facts, and a definition as the server words it.
Objects = Mapping[str, Mapping[str, tuple[str, str | None]]]


class Catalogue(msgspec.Struct, frozen=True):
    """What a database's catalogue says, and which PostgreSQL said it. Without our two roles nothing of roles is known."""

    major: int
    objects: Objects
    has_roles: bool = True


class Compared(NamedTuple):
    """What was off, and what could not be compared."""

    result: Result
    not_compared: tuple[str, ...]


async def read(snapshot: Snapshot) -> Catalogue:
    """The catalogue as it is. It sets the transaction's `search_path`."""
    await snapshot.fetch(QUERIES["qualified"])
    [(major, has_roles)] = await snapshot.fetch(QUERIES["server"])
    objects: dict[str, dict[str, tuple[str, str | None]]] = {}
    for kind, query in QUERIES.items():
        if kind in ASKED_FIRST:
            continue
        there = kind != "migration" or "migrations" in objects["relation"]
        rows = await snapshot.fetch(query) if there else []
        objects[kind] = {name: (facts, definition) for name, facts, definition in rows}
    return Catalogue(major, objects, has_roles)


@lru_cache(maxsize=1)
def expected() -> Catalogue:
    """The catalogue as the migrations of this release make it."""
    return msgspec.json.decode(
        files("nostro.verification").joinpath(FILE).read_bytes(), type=Catalogue
    )


def to_json(catalogue: Catalogue) -> bytes:
    """As it is kept in the package: in order, a line for each value."""
    return (
        msgspec.json.format(msgspec.json.encode(catalogue, order="deterministic"), indent=1) + b"\n"
    )


def compare(there: Catalogue, wanted: Catalogue) -> Compared:
    """One finding for each difference; what belongs to a relation that is missing or strange is told with the relation."""
    findings, not_compared = Findings((SCHEMA,)), []
    words = there.major == wanted.major
    if not words:
        not_compared.append(
            f"definitions of defaults, constraints, indexes and functions: PostgreSQL {there.major}"
            f" words them in its own way, and they are known as {wanted.major} does"
        )
    if not there.has_roles:
        not_compared.append("privileges and roles: in this database one role does everything")
    has_owner = OWNER in there.objects.get(
        "role", {}
    )  # elsewhere the owner is somebody else's user
    aside = _relations(there) ^ _relations(wanted)
    for kind, objects in wanted.objects.items():
        if kind in OF_ROLES and not there.has_roles:
            continue
        right = {
            name: value for name, value in objects.items() if has_owner or not _is_owners(name)
        }
        _compare(kind, there.objects.get(kind, {}), right, aside, words, findings)
    return Compared(findings.results()[0], tuple(not_compared))


def _is_owners(name: str) -> bool:
    return name.split(" ", 1)[0] == OWNER


def _relations(catalogue: Catalogue) -> set[str]:
    return set(catalogue.objects.get("relation", {}))


def _compare(
    kind: str,
    there: Mapping[str, tuple[str, str | None]],
    wanted: Mapping[str, tuple[str, str | None]],
    aside: set[str],
    words: bool,
    findings: Findings,
) -> None:
    for name in sorted({*there, *wanted}):
        if kind in OF_RELATIONS and re.split(r"[. ]", name, maxsplit=1)[0] in aside:
            continue
        detail = _difference(there.get(name), wanted.get(name), words)
        if detail is not None:
            findings.add(SCHEMA.name, f"{kind} {name}", detail)


def _difference(
    there: tuple[str, str | None] | None, wanted: tuple[str, str | None] | None, words: bool
) -> str | None:
    if wanted is None:
        return f"it should not be there: {_shown(there or ())}"
    if there is None:
        return f"it is gone: {_shown(wanted)}"
    count = 2 if words else 1
    pairs = [(a, b) for a, b in zip(there[:count], wanted[:count], strict=True) if a != b]
    if not pairs:
        return None
    found, right = pairs[-1]
    start = _first_difference(found or "", right or "")
    return f"it is {_from(found, start)}, and should be {_from(right, start)}"


def _shown(parts: Iterable[str | None]) -> str:
    return _from("; ".join(part for part in parts if part), 0)


def _from(text: str | None, start: int) -> str:
    """A text, or its part around a place in it, on one line."""
    told = text or ""
    begin = max(0, start - SHOWN_MAX // 2) if len(told) > SHOWN_MAX else 0
    part = " ".join(told[begin : begin + SHOWN_MAX].split())
    dots = "…" if begin else ""
    return f'"{dots}{part}{"…" if begin + SHOWN_MAX < len(told) else ""}"'


def _first_difference(one: str, other: str) -> int:
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))
