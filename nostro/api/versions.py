"""Versions of Stripe's API: which are known, and what an older one shows otherwise.

Renderers make the newest version. A change says what the objects of before its date had; changes
are undone newest first. What an older object needs beyond its own row (the list of its charges) is
named by that list's URL and fetched by the caller, so that all here but `adapted` is pure.
Source: the changelogs of Stripe's API and of its SDKs, and its support in the SDKs' issues.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from nostro.api.echo import echo
from nostro.api.errors import ApiError, invalid_request
from nostro.api.render import Body, list_object, render
from nostro.api.snapshots import Row
from nostro.kernel.clock import BusinessTime

LATEST = "2026-07-29.dahlia"
KNOWN = (
    "2020-08-27", "2022-08-01", "2022-11-15", "2023-08-16", "2023-10-16", "2024-04-10",
    "2024-06-20", "2024-09-30.acacia", "2024-10-28.acacia", "2024-11-20.acacia",
    "2024-12-18.acacia", "2025-01-27.acacia", "2025-02-24.acacia", "2025-03-31.basil",
    "2025-04-30.basil", "2025-05-28.basil", "2025-06-30.basil", "2025-07-30.basil",
    "2025-08-27.basil", "2025-09-30.clover", "2025-10-29.clover", "2025-11-17.clover",
    "2025-12-15.clover", "2026-01-28.clover", "2026-02-25.clover", "2026-03-25.dahlia",
    "2026-04-22.dahlia", "2026-05-27.dahlia", "2026-06-24.dahlia", LATEST,
    # Newer than what is rendered, and sent by today's SDKs. To objects of ours they add only
    # properties without a value here: payment_record and allowed_payment_method_types of a
    # payment, electronic_commerce_indicator of a charged card.
    "2026-08-26.dahlia", "2026-09-30.endive", "2026-10-28.endive",
)  # fmt: skip

Fetched = Row | Sequence[Row]
Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, Fetched]]]
Show = Callable[[str], Body]  # a list by its URL, at the version that is being made


class Change(NamedTuple):
    """What Stripe changed on a date, in objects of one kind, and how they were before."""

    date: str
    kind: str
    says: str
    undo: Callable[[Body, Show], Body]


def parse(value: str | None, default: str = LATEST) -> str:
    """The version a `Stripe-Version` header asks for. ApiError 400 if it is not one we know."""
    if value is None or value == "":
        return default
    if value not in KNOWN:
        raise invalid_version(value)
    return value


def rendered(version: str) -> str:
    """The version an answer is really shown at: never newer than the newest we render."""
    return min(version, LATEST)


def invalid_version(value: str) -> ApiError:
    """400: no version of the API is called so."""
    return invalid_request(f"Invalid Stripe API version: {echo(value)}")


def is_before(version: str, date: str) -> bool:
    """Whether a version is older than the change of that date."""
    return version[:10] < date


def default_capture_method(version: str) -> str:
    """2024-04-10: a payment that does not say is captured asynchronously."""
    return "automatic" if is_before(version, "2024-04-10") else "automatic_async"


def automatic_payment_methods_by_default(version: str) -> bool:
    """2023-08-16: a payment that names no payment method types takes automatic ones."""
    return not is_before(version, "2023-08-16")


def is_newest(version: str) -> bool:
    """Whether nothing has to be undone for it."""
    return not is_before(version, CHANGES[0].date)


def charges_url(intent: str) -> str:
    """The list of a payment's charges; also the key under which it is fetched."""
    return f"/v1/charges?payment_intent={intent}"


def refunds_url(charge: str) -> str:
    """The list of a charge's refunds; also the key under which it is fetched."""
    return f"/v1/charges/{charge}/refunds"


def embedded_list(rows: Sequence[Row], url: str, now: BusinessTime | None) -> Body:
    """A list inside an object: the ten newest.

    `rows` are newest first, eleven if there are more.
    """
    data = [render(row, now) for row in rows[:EMBEDDED]]
    return list_object(data, url, len(rows) > EMBEDDED)


EMBEDDED = 10


def _with_charges(intent: Body, show: Show) -> Body:
    if "charges" in intent:
        return intent
    url = charges_url(intent["id"])
    charges = list_object([], url, False) if intent["latest_charge"] is None else show(url)
    return _put(intent, "charges", charges)


def _with_refunds(charge: Body, show: Show) -> Body:
    if "refunds" in charge:
        return charge
    url = refunds_url(charge["id"])
    failed = charge["status"] == "failed"
    return _put(charge, "refunds", list_object([], url, False) if failed else show(url))


def _with_invoice(body: Body, show: Show) -> Body:
    return body if "invoice" in body else _put(body, "invoice", None)


def _put(body: Body, name: str, value: Any) -> Body:
    """The body with one more property, where the alphabet wants it (after `id` and `object`)."""
    later = [key for key in list(body)[2:] if key > name]
    result = {key: item for key, item in body.items() if key not in later}
    result[name] = value
    result.update((key, body[key]) for key in later)
    return result


# Newest first.
CHANGES = (
    Change(
        "2025-03-31",
        "payment_intent",
        "A payment no longer names its invoice: an invoice may have several payments.",
        _with_invoice,
    ),
    Change(
        "2025-03-31",
        "charge",
        "A charge no longer names its invoice: an invoice may have several payments.",
        _with_invoice,
    ),
    Change(
        "2022-11-15",
        "payment_intent",
        "A payment no longer carries the list of its charges: latest_charge names the newest.",
        _with_charges,
    ),
    Change(
        "2022-11-15",
        "charge",
        "A charge no longer carries the list of its refunds unless it is expanded.",
        _with_refunds,
    ),
)


def needs(body: Any, version: str, have: Mapping[str, Fetched] | None = None) -> list[str]:
    """The lists (by URL) that the objects in `body` carry at that version and that `have` lacks."""
    return _adapt(body, version, have or {}, None)[1]


def adapt(
    body: Any,
    version: str,
    have: Mapping[str, Fetched] | None = None,
    now: BusinessTime | None = None,
) -> Any:
    """`body` at that version, with every object inside it, however deep.

    Lists that `have` lacks are empty.
    """
    return _adapt(body, version, have or {}, now)[0]


async def adapted(
    body: Any, version: str, fetch: Fetch, now: BusinessTime | None = None
) -> tuple[Any, dict[str, Fetched]]:
    """`body` at that version, and the lists it took.

    One fetch for payments, one for their charges.
    """
    have: dict[str, Fetched] = {}
    while True:
        result, missing = _adapt(body, version, have, now)
        if not missing:
            return result, have
        found = await fetch(missing)
        have.update((url, found.get(url, [])) for url in missing)


def _adapt(
    body: Any, version: str, have: Mapping[str, Fetched], now: BusinessTime | None
) -> tuple[Any, list[str]]:
    changes = [change for change in CHANGES if is_before(version, change.date)]
    missing: dict[str, None] = {}

    def show(url: str) -> Body:
        rows = have.get(url)
        if not isinstance(rows, Sequence):
            missing[url] = None
            rows = []
        listed: Body = walk(embedded_list(rows, url, now))
        return listed

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        # Metadata is the merchant's own: what looks like an object there is none.
        node = {name: item if name == "metadata" else walk(item) for name, item in node.items()}
        for change in changes:
            if node.get("object") == change.kind and "deleted" not in node:
                node = change.undo(node, show)
        return node

    return (walk(body), list(missing)) if changes else (body, [])
