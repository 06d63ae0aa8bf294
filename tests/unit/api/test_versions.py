"""An older version of the API sees what it saw then, wherever the object is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import stripe

from nostro.api import render as rendering
from nostro.api import versions
from nostro.api.errors import ApiError
from nostro.api.render import render
from nostro.api.versions import CHANGES, KNOWN, LATEST, Fetched, adapt, adapted, needs, parse
from nostro.payments.model import Terms
from tests import wire_schema
from tests.unit.api.builders import a_charge, a_refund, an_event, an_intent

OLD, BETWEEN = "2022-08-01", "2024-06-20"
CHARGES = "/v1/charges?payment_intent=pi_1"
REFUNDS = "/v1/charges/ch_1/refunds"
PAID = an_intent(latest_charge="ch_1")
ROWS: dict[str, Fetched] = {
    CHARGES: [a_charge(), a_charge(id="ch_0", status="failed")],
    REFUNDS: [a_refund()],
}


class Book:
    """Rows by id or list URL, and what was asked for at once."""

    def __init__(self, rows: Mapping[str, Fetched]) -> None:
        self.rows, self.asked = rows, list[list[str]]()

    async def fetch(self, keys: Sequence[str]) -> Mapping[str, Fetched]:
        self.asked.append(list(keys))
        return {key: self.rows[key] for key in keys if key in self.rows}


def at(version: str, body: Any) -> Any:
    return asyncio.run(adapted(body, version, Book(ROWS).fetch))[0]


@pytest.mark.parametrize("version", KNOWN)
def test_known_versions_are_taken(version: str) -> None:
    assert parse(version) == version


def test_versions_are_known_in_order_and_the_rendered_one_is_the_schemas() -> None:
    assert list(KNOWN) == sorted(KNOWN)
    assert LATEST == wire_schema.VERSION
    assert LATEST in KNOWN


def test_the_version_that_the_installed_sdk_sends_is_known() -> None:
    assert stripe.api_version in KNOWN


@pytest.mark.parametrize(
    "value", ["2019-2-19", "latest", "2025-09-30.acacia", LATEST + "," + LATEST]
)
def test_other_versions_are_refused(value: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(value)
    error = refused.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert error.message == f"Invalid Stripe API version: {value}"


def test_without_a_header_the_accounts_version_counts() -> None:
    assert parse(None, "2022-11-15") == "2022-11-15"


def test_changes_are_undone_newest_first() -> None:
    dates = [change.date for change in CHANGES]
    assert dates == sorted(dates, reverse=True)


def test_the_newest_version_is_left_alone_and_needs_nothing() -> None:
    body = render(PAID)
    assert adapt(body, LATEST) is body
    assert needs(body, LATEST) == []
    assert versions.is_newest(LATEST)
    assert not versions.is_newest(BETWEEN)


def test_before_2022_11_15_a_payment_carries_its_charges_newest_first() -> None:
    body = at(OLD, render(PAID))
    assert [charge["id"] for charge in body["charges"]["data"]] == ["ch_1", "ch_0"]
    assert (body["charges"]["url"], body["charges"]["has_more"]) == (CHARGES, False)
    assert body["latest_charge"] == "ch_1"
    assert "charges" not in at("2022-11-15", render(PAID))


def test_its_charges_are_at_that_version_too() -> None:
    first, failed = at(OLD, render(PAID))["charges"]["data"]
    assert [refund["id"] for refund in first["refunds"]["data"]] == ["re_1"]
    assert failed["refunds"]["data"] == []
    assert first["invoice"] is None


def test_a_payment_that_was_never_tried_needs_no_fetch() -> None:
    assert needs(render(an_intent()), OLD) == []
    assert at(OLD, render(an_intent()))["charges"]["data"] == []


def test_payments_of_a_list_are_fetched_at_once_and_then_their_refunds() -> None:
    book = Book(ROWS)
    intents = [PAID, an_intent(id="pi_2", latest_charge="ch_9")]
    page = rendering.list_object([render(row) for row in intents], "/v1/payment_intents", False)
    body, used = asyncio.run(adapted(page, OLD, book.fetch))
    assert book.asked == [[CHARGES, "/v1/charges?payment_intent=pi_2"], [REFUNDS]]
    assert len(body["data"][0]["charges"]["data"]) == 2
    assert set(used) == {CHARGES, REFUNDS, "/v1/charges?payment_intent=pi_2"}


def test_objects_inside_events_errors_and_other_objects_are_adapted() -> None:
    event = at(OLD, render(an_event(PAID)))
    error = at(OLD, {"error": {"type": "card_error", "payment_intent": render(PAID)}})
    inside = at(OLD, {**render(a_charge()), "payment_intent": render(PAID)})
    for intent in (
        event["data"]["object"],
        error["error"]["payment_intent"],
        inside["payment_intent"],
    ):
        assert len(intent["charges"]["data"]) == 2


def test_metadata_that_looks_like_an_object_is_not_one() -> None:
    trick = {"object": "payment_intent", "id": "pi_9", "latest_charge": "ch_9"}
    body = at(OLD, render(an_intent(terms=Terms(metadata=trick))))
    assert body["metadata"] == trick


@pytest.mark.parametrize("row", [PAID, a_charge()])
def test_before_basil_a_payment_and_a_charge_name_their_invoice(row: Any) -> None:
    assert at("2025-02-24.acacia", render(row))["invoice"] is None
    assert "invoice" not in at("2025-03-31.basil", render(row))


def test_adapting_twice_changes_nothing_more() -> None:
    once = at(OLD, render(PAID))
    assert at(OLD, once) == once


def test_an_older_object_keeps_stripes_order() -> None:
    names = list(at(OLD, render(PAID)))
    assert names[:2] == ["id", "object"]
    assert names[2:] == sorted(names[2:])


def test_an_embedded_list_ends_after_ten_and_says_so() -> None:
    rows = [a_charge(id=f"ch_{number}") for number in range(11)]
    body = adapt(render(PAID), OLD, {CHARGES: rows})
    assert len(body["charges"]["data"]) == 10
    assert body["charges"]["has_more"] is True


def test_defaults_of_payments_follow_the_version() -> None:
    assert versions.default_capture_method(LATEST) == "automatic_async"
    assert versions.default_capture_method("2023-10-16") == "automatic"
    assert versions.automatic_payment_methods_by_default("2023-08-16")
    assert not versions.automatic_payment_methods_by_default("2022-11-15")
