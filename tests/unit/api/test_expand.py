"""`expand[]`: ids become objects, with one fetch a level; a wrong path is refused first."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from nostro.api import render as rendering
from nostro.api.errors import ApiError
from nostro.api.expand import EXPANDABLE, expand, parse
from nostro.api.present import freeze, present, thaw
from nostro.api.render import render
from nostro.api.versions import LATEST, Fetched
from nostro.kernel.clock import BusinessTime
from nostro.payments.model import PaymentError
from tests import wire_schema
from tests.unit.api.builders import (
    NOW,
    a_charge,
    a_customer,
    a_method,
    a_refund,
    a_transaction,
    an_intent,
)
from tests.unit.api.test_versions import Book

INTENT = an_intent(latest_charge="ch_1", payment_method="pm_1", customer="cus_1")
ROWS: dict[str, Fetched] = {
    "pi_1": INTENT,
    "ch_1": a_charge(customer="cus_1"),
    "txn_1": a_transaction(),
    "pm_1": a_method(customer="cus_1"),
    "cus_1": a_customer(default_payment_method="pm_1"),
    "re_1": a_refund(),
    "/v1/charges/ch_1/refunds": [a_refund()],
    "/v1/charges?payment_intent=pi_1": [a_charge()],
}


def expanded(row: Any, *paths: str, book: Book | None = None) -> dict[str, Any]:
    body = render(row, NOW)
    book = book or Book(ROWS)
    asyncio.run(expand(body, parse(paths, body["object"]), book.fetch, NOW))
    if wire_schema.available():
        wire_schema.validate(msgspec.json.decode(rendering.encode(body)))
    return body


def test_an_id_becomes_its_object() -> None:
    assert expanded(INTENT, "customer")["customer"]["object"] == "customer"
    assert expanded(INTENT, "customer")["payment_method"] == "pm_1"


def test_each_level_is_one_fetch() -> None:
    book = Book(ROWS)
    body = expanded(
        INTENT, "latest_charge.balance_transaction.source", "payment_method.customer", "customer",
        book=book,
    )  # fmt: skip
    assert book.asked == [["ch_1", "pm_1", "cus_1"], ["txn_1"]]
    assert body["latest_charge"]["balance_transaction"]["source"]["object"] == "charge"


def test_a_list_is_expanded_with_one_fetch_for_all_its_objects() -> None:
    book = Book(ROWS)
    page = [
        render(an_intent(id=f"pi_{n}", customer="cus_1", latest_charge="ch_1")) for n in range(9)
    ]
    body = rendering.list_object(page, "/v1/payment_intents", False)
    paths = parse(["data.customer", "data.latest_charge"], "payment_intent", listed=True)
    used = asyncio.run(expand(body, paths, book.fetch))
    assert book.asked == [["cus_1", "ch_1"]]
    assert {item["customer"]["id"] for item in body["data"]} == {"cus_1"}
    assert used == {"cus_1": ROWS["cus_1"], "ch_1": ROWS["ch_1"]}


def test_what_we_do_not_have_stays_null() -> None:
    paths = ("review", "on_behalf_of", "application", "transfer_data.destination", "review.charge")
    assert expanded(INTENT, *paths) == render(INTENT)


def test_an_id_that_is_not_found_stays_an_id() -> None:
    assert expanded(INTENT, "customer", book=Book({}))["customer"] == "cus_1"


def test_a_charge_shows_its_refunds_when_asked() -> None:
    body = expanded(a_charge(), "refunds", "refunds.data.charge")
    assert body["refunds"]["url"] == "/v1/charges/ch_1/refunds"
    assert body["refunds"]["data"][0]["charge"]["id"] == "ch_1"
    assert "refunds" not in render(a_charge())


def test_a_customers_method_is_reached_inside_its_invoice_settings() -> None:
    body = expanded(ROWS["cus_1"], "invoice_settings.default_payment_method", "sources")
    assert body["invoice_settings"]["default_payment_method"]["object"] == "payment_method"
    assert body["sources"]["data"] == []


def test_the_method_of_an_error_is_expanded_further() -> None:
    error = PaymentError("card_declined", "x", payment_method=a_method(customer="cus_1"))
    body = expanded(an_intent(last_error=error), "last_payment_error.payment_method.customer")
    assert body["last_payment_error"]["payment_method"]["customer"]["id"] == "cus_1"


@pytest.mark.parametrize(
    "row", [INTENT, *(row for row in ROWS.values() if not isinstance(row, list))]
)
def test_all_that_is_expandable_expands_to_what_the_schema_says(row: Any) -> None:
    kind = render(row, NOW)["object"]
    inside = {"invoice_settings": "default_payment_method", "transfer_data": "destination",
              "last_payment_error": "payment_method"}  # fmt: skip
    names = [name for name in EXPANDABLE[kind] if name != "charges"]
    expanded(row, *(f"{name}.{inside[name]}" if name in inside else name for name in names))


@pytest.mark.parametrize(
    ("path", "kind", "listed", "words"),
    [
        ("foo", "payment_intent", False, "This property cannot be expanded (foo)."),
        ("amount", "payment_intent", False, "This property cannot be expanded (amount)."),
        ("customer.foo", "charge", False, "This property cannot be expanded (customer.foo)."),
        ("charges", "payment_intent", False, "This property cannot be expanded (charges)."),
        ("data.foo", "charge", True, "This property cannot be expanded (data.foo)."),
        ("invoice_settings", "customer", False,
         "This property cannot be expanded (invoice_settings)."),
        ("", "charge", False, "This property cannot be expanded ()."),
        ("customer", "balance", False, "This property cannot be expanded (customer)."),
        ("customer", "charge", True, ("This property cannot be expanded "
         "(customer). You may want to try expanding 'data.customer' instead.")),
        ("a.b.c.d.e", "charge", False,
         "You cannot expand more than 4 levels of a property (Property: a.b.c.d.e)."),
        ("data.latest_charge.payment_intent.latest_charge.customer", "payment_intent", True,
         ("You cannot expand more than 4 levels of a property (Property: "
          "data.latest_charge.payment_intent.latest_charge.customer).")),
    ],
)  # fmt: skip
def test_a_wrong_path_is_refused(path: str, kind: str, listed: bool, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse([path], kind, listed)
    assert (refused.value.status, refused.value.message) == (400, words)


def test_four_levels_are_allowed() -> None:
    path = "data.latest_charge.payment_intent.latest_charge"
    assert parse([path], "payment_intent", listed=True)


def test_charges_of_older_versions_are_expanded_through() -> None:
    paths = parse(["charges.data.balance_transaction"], "payment_intent", version="2022-08-01")
    shown = present(render(INTENT), "2022-08-01", paths, Book(ROWS).fetch, NOW)
    body, _ = asyncio.run(shown)
    assert body["charges"]["data"][0]["balance_transaction"]["id"] == "txn_1"


def test_expanded_objects_are_at_the_callers_version() -> None:
    paths = parse(["payment_intent"], "charge")
    shown = present(render(a_charge()), "2022-08-01", paths, Book(ROWS).fetch, NOW)
    body, _ = asyncio.run(shown)
    assert body["payment_intent"]["charges"]["data"][0]["id"] == "ch_1"


@pytest.mark.parametrize("version", ["2022-08-01", LATEST])
def test_a_frozen_presentation_is_shown_again_to_the_same_bytes(version: str) -> None:
    paths = parse(["latest_charge.balance_transaction", "latest_charge.refunds"], "payment_intent")

    async def first_and_again() -> tuple[bytes, bytes]:
        first, used = await present(render(INTENT), version, paths, Book(ROWS).fetch, NOW)
        fetch, then = thaw(freeze(used, NOW))
        again, _ = await present(render(INTENT), version, paths, fetch, then)
        return rendering.encode(first), rendering.encode(again)

    first, again = asyncio.run(first_and_again())
    assert first == again
    assert b'"status":"pending"' in first


def test_nothing_is_fetched_for_the_newest_version_without_paths() -> None:
    book = Book(ROWS)
    body = render(INTENT)
    assert asyncio.run(present(body, LATEST, {}, book.fetch, BusinessTime(0))) == (body, {})
    assert book.asked == []
