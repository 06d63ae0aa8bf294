"""`expand[]`: ids replaced by their objects.

Paths are checked against a table before anything happens, so that a wrong one has no effect. Then
each level is one fetch for all its places, never one per object. Lists are fetched by their URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from nostro.api import versions
from nostro.api.echo import echo
from nostro.api.errors import ApiError, invalid_request
from nostro.api.render import Body, list_object, render
from nostro.api.versions import Fetch, Fetched
from nostro.kernel.clock import BusinessTime

DEEPEST = 4
Paths = dict[str, "Paths"]  # segment -> what is expanded below it


class One(NamedTuple):
    """An id of one of these kinds. Without a kind: nothing we have, it stays as it is."""

    kinds: tuple[str, ...] = ()


class Many(NamedTuple):
    """A list, which is left out until it is expanded.

    `url` makes its URL of the owner's id; `kept` that we have rows.
    """

    kind: str
    url: Callable[[str], str]
    kept: bool = True
    before: str | None = None  # only in versions before this date


class Inside(NamedTuple):
    """A plain object that holds expandable properties."""

    fields: Mapping[str, One]


Expandable = One | Many | Inside
_NOTHING = One()
_CUSTOMER, _INTENT, _CHARGE = One(("customer",)), One(("payment_intent",)), One(("charge",))
_METHOD, _TRANSACTION = One(("payment_method",)), One(("balance_transaction",))
_DESTINATION = Inside({"destination": _NOTHING})


def _under_customer(name: str) -> Many:
    return Many("", lambda customer: f"/v1/customers/{customer}/{name}", kept=False)


EXPANDABLE: dict[str, dict[str, Expandable]] = {
    "payment_intent": {
        "application": _NOTHING,
        "charges": Many("charge", versions.charges_url, before="2022-11-15"),
        "customer": _CUSTOMER,
        "invoice": _NOTHING,
        "last_payment_error": Inside({"payment_method": _METHOD}),
        "latest_charge": _CHARGE,
        "on_behalf_of": _NOTHING,
        "payment_method": _METHOD,
        "review": _NOTHING,
        "source": _NOTHING,
        "transfer_data": _DESTINATION,
    },
    "charge": {
        "application": _NOTHING,
        "application_fee": _NOTHING,
        "balance_transaction": _TRANSACTION,
        "customer": _CUSTOMER,
        "failure_balance_transaction": _TRANSACTION,
        "invoice": _NOTHING,
        "on_behalf_of": _NOTHING,
        "payment_intent": _INTENT,
        "refunds": Many("refund", versions.refunds_url),
        "review": _NOTHING,
        "source_transfer": _NOTHING,
        "transfer": _NOTHING,
        "transfer_data": _DESTINATION,
    },
    "refund": {
        "balance_transaction": _TRANSACTION,
        "charge": _CHARGE,
        "customer": _CUSTOMER,
        "failure_balance_transaction": _TRANSACTION,
        "payment_intent": _INTENT,
        "payment_method": _METHOD,
        "source_transfer_reversal": _NOTHING,
        "transfer_reversal": _NOTHING,
    },
    "payment_method": {"customer": _CUSTOMER},
    "balance_transaction": {"source": One(("charge", "refund"))},
    "customer": {
        "cash_balance": _NOTHING,
        "default_source": _NOTHING,
        "invoice_settings": Inside({"default_payment_method": _METHOD}),
        "sources": _under_customer("sources"),
        "subscriptions": _under_customer("subscriptions"),
        "tax_ids": _under_customer("tax_ids"),
        "test_clock": _NOTHING,
    },
}


def parse(
    paths: Iterable[str], kind: str, listed: bool = False, version: str = versions.LATEST
) -> Paths:
    """The paths as a tree, checked.

    `listed`: the answer is a list of that kind. ApiError 400 for a wrong path.
    """
    tree: Paths = {}
    for path in paths:
        segments = path.split(".")
        if len(segments) > DEEPEST:
            raise _too_deep(path)
        if listed and segments[0] != "data":
            raise _not_expandable(path, path if segments[0] in _table(kind) else None)
        below = segments[1:] if listed else segments
        if not _allowed((kind,), below, version):
            raise _not_expandable(path)
        _add(tree, segments)
    return tree


def _add(tree: Paths, segments: Sequence[str]) -> None:
    for segment in segments:
        tree = tree.setdefault(segment, {})


def _table(kind: str) -> Mapping[str, Expandable]:
    return EXPANDABLE.get(kind, {})


def _allowed(kinds: tuple[str, ...], segments: Sequence[str], version: str) -> bool:
    """Whether one of these kinds can be expanded so. Below what we never have, anything can."""
    if not segments or not kinds:
        return True
    return any(_step(_table(kind).get(segments[0]), segments[1:], version) for kind in kinds)


def _step(target: Expandable | None, rest: Sequence[str], version: str) -> bool:
    match target:
        case One(kinds):
            return _allowed(kinds, rest, version)
        case Inside(fields):
            return bool(rest) and _step(fields.get(rest[0]), rest[1:], version)
        case Many(kind, _, kept, before):
            if before is not None and not versions.is_before(version, before):
                return False
            known = (kind,) if kept else ()
            return not rest or (rest[0] == "data" and _allowed(known, rest[1:], version))
        case None:
            return False


def _too_deep(path: str) -> ApiError:
    return invalid_request(
        f"You cannot expand more than {DEEPEST} levels of a property (Property: {echo(path)})."
    )


def _not_expandable(path: str, inside_list: str | None = None) -> ApiError:
    hint = (
        f" You may want to try expanding 'data.{echo(inside_list)}' instead." if inside_list else ""
    )
    return invalid_request(f"This property cannot be expanded ({echo(path)}).{hint}")


class _Place(NamedTuple):
    """Where an object goes.

    `owner[name]` is replaced by what `key` fetches; `below` is expanded in it.
    """

    owner: Body
    name: str
    key: str
    below: Paths
    many: bool = False


async def expand(
    body: Body, paths: Paths, fetch: Fetch, now: BusinessTime | None = None
) -> dict[str, Fetched]:
    """Replace ids in `body` by their objects, in place.

    Returns the rows that were used, by id or list URL. `fetch` gets all ids and list URLs of a
    level at once; an id it does not find stays an id. `now` is needed for balance transactions.
    """
    used: dict[str, Fetched] = {}
    places = _places(body, paths)
    while places:
        wanted = dict.fromkeys(place.key for place in places if place.key not in used)
        if wanted:
            found = await fetch(list(wanted))
            used.update((key, found[key]) for key in wanted if key in found)
        places = [inner for place in places for inner in _fill(place, used.get(place.key), now)]
    return used


def _fill(place: _Place, found: Fetched | None, now: BusinessTime | None) -> list[_Place]:
    shown: Body
    if place.many:
        rows = found if isinstance(found, Sequence) else []
        shown = versions.embedded_list(rows, place.key, now)
    elif found is None or isinstance(found, Sequence):
        return []
    else:
        shown = render(found, now)
    place.owner[place.name] = shown
    return _places(shown, place.below)


def _places(body: Body, paths: Paths) -> list[_Place]:
    """The places of one level: all ids that the paths reach without another fetch."""
    if body.get("object") == "list":
        below = paths.get("data", {})
        return [place for item in body["data"] for place in _places(item, below)]
    table = _table(str(body.get("object")))
    return [
        place for name, below in paths.items() for place in _at(body, name, table.get(name), below)
    ]


def _at(body: Body, name: str, target: Expandable | None, below: Paths) -> list[_Place]:
    value = body.get(name)
    if isinstance(target, Inside):
        if not isinstance(value, dict):
            return []
        inner = [(field, target.fields.get(field), rest) for field, rest in below.items()]
        return [place for field, one, rest in inner for place in _at(value, field, one, rest)]
    if isinstance(
        value, dict
    ):  # there already: a list of an older version, or a method in an error
        return _places(value, below)
    if isinstance(target, Many):
        return _list_at(body, name, target, below)
    if isinstance(target, One) and target.kinds and isinstance(value, str):
        return [_Place(body, name, value, below)]
    return []


def _list_at(body: Body, name: str, target: Many, below: Paths) -> list[_Place]:
    if "deleted" in body:
        return []
    url = target.url(body["id"])
    if target.kept:
        return [_Place(body, name, url, below, many=True)]
    body[name] = list_object([], url, False)
    return []
