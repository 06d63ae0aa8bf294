"""Every object we show is one that Stripe's clients expect, whatever the row."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.api import render as rendering
from nostro.api import snapshots
from nostro.api.errors import ApiError, card_error, no_such, to_body
from nostro.api.render import render
from nostro.customers.model import Shipping as CustomerShipping
from nostro.kernel.answer import snapshot
from nostro.kernel.clock import BusinessTime, SystemTime
from nostro.kernel.money import FeeSchedule
from nostro.merchants.model import Account
from nostro.payment_methods.model import Address, BillingDetails, CardFacts, Checks
from nostro.payments.machine import IntentStatus
from nostro.payments.model import PaymentError, Shipping, Terms
from nostro.refunds.machine import RefundState
from tests import wire_schema
from tests.unit.api.builders import (
    NOW,
    a_charge,
    a_customer,
    a_method,
    a_refund,
    a_transaction,
    an_endpoint,
    an_event,
    an_intent,
)

needs_schema = pytest.mark.skipif(
    not wire_schema.available(), reason="the wire schema is not on this machine"
)
ADDRESS = Address("Köln", "DE", "Domkloster 4", None, "50667", "NW")
FULL_TERMS = Terms(
    description="a book", receipt_email="jenny@shop.example", statement_descriptor="BOOKS",
    statement_descriptor_suffix="1", transfer_group="g", setup_future_usage="off_session",
    shipping=Shipping(ADDRESS, "Jenny", "+49", "DHL", "00340"), metadata={"order": "7"},
    automatic_payment_methods=False,
)  # fmt: skip
FULL_BILLING = BillingDetails(ADDRESS, "jenny@shop.example", "Jenny", "+49", "DE1")
DECLINED = PaymentError("card_declined", "Your card was declined.", "lost_card", "ch_1", a_method())


MERCHANT = Account(
    "acct_1", 1, 2, "Books", "shop@shop.example", "DE", "eur", FeeSchedule(), "2022-11-15",
    SystemTime(NOW),
)  # fmt: skip


def on_the_wire(body: dict[str, Any]) -> dict[str, Any]:
    """What a client reads, judged."""
    read: dict[str, Any] = msgspec.json.decode(rendering.encode(body))
    wire_schema.validate(read)
    return read


INTENTS = [
    an_intent(
        status=status, capture_method=method, latest_charge="ch_1", payment_method="pm_1",
        customer="cus_1", terms=terms, last_error=error, canceled_ms=at, cancellation_reason=reason,
    )
    for status, method, (terms, error), (at, reason) in itertools.product(
        IntentStatus,
        ("automatic", "manual"),
        ((Terms(), None), (FULL_TERMS, DECLINED), (Terms(), PaymentError("processing_error", "x"))),
        ((None, None), (NOW, "abandoned"), (NOW, "automatic")),
    )
]  # fmt: skip
CHARGES = [
    a_charge(),
    a_charge(captured=False, amount_captured=0, balance_transaction=None, capture_before=NOW),
    a_charge(captured=False, amount_captured=0, released=True, balance_transaction=None),
    a_charge(terms=FULL_TERMS, billing=FULL_BILLING, customer="cus_1", amount_refunded=500),
    a_charge(checks=Checks("pass", "fail", "unchecked"), network_reference="MCC123"),
    *(
        a_charge(
            status="failed", captured=False, amount_captured=0, balance_transaction=None,
            failure_code="card_declined", failure_message="Your card was declined.",
            decline_code=code, network_code=network, authorization_code=None,
        )
        for code, network in [(None, None), ("generic_decline", "05"), ("lost_card", "41"),
                              ("insufficient_funds", "51"), ("processing_error", None)]
    ),
    *(
        a_charge(card=CardFacts(brand, "debit", None, "0005", 1, 2031, "fp_2"))
        for brand in ("amex", "mastercard", "discover", "diners", "jcb", "unionpay", "unknown")
    ),
]  # fmt: skip
REFUNDS = [
    a_refund(state=state, failure_reason=why, reason=reason, failure_balance_transaction=back)
    for state, why, reason, back in itertools.product(
        RefundState,
        (None, "lost_card", "acquirer_offline"),
        (None, "requested_by_customer", "expired_uncaptured_charge"),
        (None, "txn_3"),
    )
]
OTHERS = [
    a_method(),
    a_method(billing=FULL_BILLING, checks=Checks(cvc_check="pass"), customer="cus_1"),
    a_method(card=CardFacts("amex", "credit", None, "0005", 1, 2031, "fp_2")),
    a_customer(),
    a_customer(
        name="Jenny", address=ADDRESS, shipping=CustomerShipping(ADDRESS, "Jenny"),
        default_payment_method="pm_1", preferred_locales=("de",), invoice_prefix="A1B2C3D4",
    ),
    a_customer(shipping=CustomerShipping()),
    a_customer(deleted=True),
    a_transaction(),
    a_transaction(fee=0, description="why"),
    a_transaction(type="refund", reporting_category="refund", amount=-500, fee=0, source="re_1"),
    a_transaction(type="topup", reporting_category="topup", fee=0, source="tu_1"),
    an_endpoint(),
    an_endpoint(status="disabled", api_version="2022-11-15", enabled_events=("charge.failed",)),
    an_endpoint(deleted=True),
]  # fmt: skip


@needs_schema
@pytest.mark.parametrize("row", [*INTENTS, *CHARGES, *REFUNDS, *OTHERS])
def test_a_row_is_shown_as_the_schema_says_and_an_event_about_it_too(row: snapshots.Row) -> None:
    on_the_wire(render(row, NOW))
    on_the_wire(render(an_event(row, request_id="req_1", key="k", previous='{"live":true}')))


text = st.text(max_size=12)
some = st.none() | text
amounts = st.integers(0, 99_999_999)


@needs_schema
@settings(max_examples=60, deadline=None)
@given(
    currency=st.sampled_from(["usd", "jpy", "kwd", "isk", "ugx"]),
    amount=amounts, words=some, metadata=st.dictionaries(text, text, max_size=3),
    live=st.booleans(), at=st.integers(0, 4_000_000_000_000), released=st.booleans(),
    check=st.sampled_from([None, "pass", "fail", "unavailable", "unchecked"]),
)  # fmt: skip
def test_any_charge_and_its_payment_are_shown_as_the_schema_says(
    currency: str, amount: int, words: str | None, metadata: dict[str, str], live: bool, at: int,
    released: bool, check: str | None,
) -> None:  # fmt: skip
    terms = Terms(description=words, metadata=metadata, statement_descriptor=words)
    same: dict[str, Any] = {"amount": amount, "currency": currency, "terms": terms, "live": live}
    moment = BusinessTime(at)
    on_the_wire(render(an_intent(created_ms=moment, customer=words, **same)))
    on_the_wire(
        render(a_charge(created_ms=moment, released=released, checks=Checks(check), **same))
    )


@needs_schema
def test_accounts_balances_lists_and_new_endpoints_are_shown_as_the_schema_says() -> None:
    on_the_wire(rendering.account(MERCHANT))
    on_the_wire(rendering.deleted("acct_1", "account"))
    on_the_wire(rendering.balance({"usd": -5, "jpy": 7}, {"usd": 9}, live=True))
    on_the_wire(rendering.webhook_endpoint(an_endpoint(), secret="whsec_1"))
    page = [render(row) for row in CHARGES]
    on_the_wire(rendering.list_object(page, "/v1/charges", has_more=True))


@needs_schema
@pytest.mark.parametrize(
    "error",
    [
        no_such("charge", "ch_x"),
        card_error(
            "Your card was declined.", code="card_declined", decline_code="lost_card",
            charge="ch_1", payment_intent=render(INTENTS[0]), payment_method=render(a_method()),
        ),
    ],
)  # fmt: skip
def test_errors_have_the_shape_of_stripes_error_object(error: ApiError) -> None:
    on_the_wire(to_body(error))


@needs_schema
@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.update(surprise=1),
        lambda body: body.pop("livemode"),
        lambda body: body.update(amount="1099"),
        lambda body: body["payment_method_details"]["card"].update(pan="4242"),
        lambda body: body["outcome"].pop("advice_code"),
    ],
)
def test_the_judge_refuses_what_is_undeclared_missing_or_of_another_type(spoil: Any) -> None:
    body = render(a_charge())
    spoil(body)
    with pytest.raises(wire_schema.NotOnTheWire):
        on_the_wire(body)


@needs_schema
def test_the_judge_looks_inside_lists_events_and_errors() -> None:
    wrong = {**render(a_charge()), "surprise": 1}
    event = {**render(an_event(a_charge())), "data": {"object": wrong}}
    error = {"error": {"type": "card_error", "message": "x", "payment_intent": wrong}}
    for body in (rendering.list_object([wrong], "/v1/charges", False), event, error):
        with pytest.raises(wire_schema.NotOnTheWire):
            on_the_wire(body)


@needs_schema
def test_the_judge_reports_what_was_never_seen() -> None:
    on_the_wire(render(a_charge()))
    report = wire_schema.report()["charge"]
    assert report["checked"] >= 1
    assert "outcome" in report["seen"]
    assert "application_fee" in report["never"]


@pytest.mark.parametrize("row", [INTENTS[0], CHARGES[0], *REFUNDS[:3], OTHERS[0], OTHERS[4]])
def test_properties_come_in_stripes_order(row: snapshots.Row) -> None:
    names = list(render(row))
    assert names[:2] == ["id", "object"]
    assert names[2:] == sorted(names[2:])


@pytest.mark.parametrize(
    ("charge", "refunded", "amount"),
    [
        (a_charge(), False, 0),
        (a_charge(amount_refunded=99), False, 99),
        (a_charge(amount_refunded=1099), True, 1099),
        (a_charge(amount_captured=600, amount_refunded=600), True, 600),
        (a_charge(captured=False, amount_captured=0, released=True), True, 1099),
        (a_charge(captured=False, amount_captured=0), False, 0),
    ],
)
def test_a_charge_is_refunded_when_nothing_is_left_or_it_was_let_go(
    charge: Any, refunded: bool, amount: int
) -> None:
    body = render(charge)
    assert (body["refunded"], body["amount_refunded"]) == (refunded, amount)


@pytest.mark.parametrize(
    ("state", "status", "pending"),
    [
        (RefundState.WAITING, "pending", "insufficient_funds"),
        (RefundState.SENDING, "pending", "processing"),
        (RefundState.UNKNOWN, "pending", "processing"),
        (RefundState.ACCEPTED, "pending", "processing"),
        (RefundState.PROVISIONAL, "succeeded", None),
        (RefundState.SUCCEEDED, "succeeded", None),
        (RefundState.FAILED, "failed", None),
    ],
)
def test_a_refunds_status_says_where_it_stands(
    state: RefundState, status: str, pending: str | None
) -> None:
    body = render(a_refund(state=state))
    assert (body["status"], body.get("pending_reason")) == (status, pending)
    assert ("failure_reason" in body) == (status == "failed")


@pytest.mark.parametrize(
    ("code", "network", "kind"),
    [
        ("lost_card", "declined_by_network", "issuer_declined"),
        ("processing_error", "declined_by_network", "issuer_declined"),
        (None, "not_sent_to_network", "invalid"),
    ],
)
def test_an_outcome_says_who_refused(code: str | None, network: str, kind: str) -> None:
    charge = a_charge(status="failed", decline_code=code, failure_code="processing_error")
    outcome = render(charge)["outcome"]
    assert (outcome["network_status"], outcome["type"]) == (network, kind)
    assert outcome["reason"] == (code or "processing_error")


def test_a_balance_transaction_becomes_available_on_its_day() -> None:
    row = a_transaction()
    assert render(row, NOW)["status"] == "pending"
    assert render(row, row.available_on)["status"] == "available"
    assert render(row, NOW)["net"] == row.amount - row.fee
    with pytest.raises(ValueError, match="time"):
        render(row)


def test_amounts_are_stripes() -> None:
    assert render(an_intent(amount=5, currency="isk"))["amount"] == 500
    assert render(a_transaction(amount=700, fee=100, currency="mga"), NOW)["net"] == 6


def test_an_event_shows_what_changed_as_it_was() -> None:
    after = a_charge(amount_refunded=500, terms=Terms(metadata={"kept": "1", "new": "2"}))
    before = {"amount_refunded": 0, "terms": {"metadata": {"kept": "1", "old": "3"}}}
    previous = msgspec.json.encode(before).decode()
    body = rendering.event(an_event(after, previous=previous), "2022-11-15", 2)
    assert body["data"]["previous_attributes"] == {
        "amount_refunded": 0,
        "metadata": {"new": None, "old": "3"},
    }
    assert body["data"]["object"]["amount_refunded"] == 500
    assert (body["api_version"], body["pending_webhooks"]) == ("2022-11-15", 2)


def test_an_event_of_creation_has_no_previous_attributes() -> None:
    assert "previous_attributes" not in render(an_event(an_intent()))["data"]


@pytest.mark.parametrize("row", [INTENTS[5], CHARGES[3], REFUNDS[0], a_method(), *OTHERS])
def test_a_snapshot_decodes_to_its_row(row: snapshots.Row) -> None:
    assert snapshots.decode(snapshot(row)) == row


def test_a_webhook_secret_is_never_shown_unasked() -> None:
    assert b"sealed" not in rendering.encode(render(an_endpoint()))
