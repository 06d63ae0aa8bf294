"""The official Python SDK, told only where we are: every resource, every kind of error, lists, webhooks."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from nostro.api import versions
from tests import wire_schema
from tests.api.acquirer import until
from tests.api.judged_sdk import judged_client
from tests.api.registry import new_merchant
from tests.api.webhook_listener import listening
from tests.server import Server

pytestmark = pytest.mark.skipif(
    not wire_schema.available(), reason="the wire schema is not on this machine"
)
SALE: Any = {"amount": 2000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}


@pytest.fixture(scope="module")
def sdk(server: Server) -> stripe.StripeClient:
    return judged_client(server, max_network_retries=0)


def test_it_is_the_sdk_as_installed(sdk: stripe.StripeClient) -> None:
    """No version is chosen here: the SDK sends its own."""
    listed = sdk.v1.payment_intents.list({"limit": 1})
    assert listed.last_response is None or listed.last_response.code == 200
    raw = sdk.raw_request("get", "/v1/payment_intents")
    sent: Any = stripe.api_version
    assert raw.headers["Stripe-Version"] == versions.rendered(sent)


def test_a_payment_from_creation_to_refund(sdk: stripe.StripeClient) -> None:
    intent = sdk.v1.payment_intents.create(
        {
            "amount": 1500,
            "currency": "eur",
            "description": "Order 7",
            "metadata": {"order": "7", "gift": "yes"},
            "receipt_email": "jenny@example.com",
            "shipping": {"name": "Jenny", "address": {"line1": "1 Main St", "country": "US"}},
            "statement_descriptor_suffix": "ORDER 7",
            "transfer_group": "orders",
        }
    )
    assert (intent.status, intent.object) == ("requires_payment_method", "payment_intent")
    assert intent.client_secret is not None
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    changed = sdk.v1.payment_intents.update(
        intent.id, {"amount": 1800, "metadata": {"gift": "", "paper": "red"}}
    )
    assert (changed.amount, changed.metadata.to_dict()) == (1800, {"order": "7", "paper": "red"})
    paid = sdk.v1.payment_intents.confirm(
        intent.id,
        {"payment_method": "pm_card_mastercard", "expand": ["latest_charge.balance_transaction"]},
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 1800)
    charge: Any = paid.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.payment_method_details.card.last4 == "4444"
    assert charge.balance_transaction.net == charge.balance_transaction.amount - 82
    refund = sdk.v1.refunds.create(
        {"payment_intent": paid.id, "amount": 800, "reason": "requested_by_customer"}
    )
    assert (refund.status, refund.amount) == ("succeeded", 800)
    late: Any = sdk.v1.refunds.update(refund.id, {"metadata": {"why": "late"}}).metadata
    assert late.to_dict() == {"why": "late"}
    again = sdk.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (again.amount_refunded, again.refunded) == (800, False)
    assert [item.id for item in again.refunds.data] == [refund.id]


def test_an_authorization_captured_in_part(sdk: stripe.StripeClient) -> None:
    held = sdk.v1.payment_intents.create({**SALE, "capture_method": "manual"})
    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    done = sdk.v1.payment_intents.capture(held.id, {"amount_to_capture": 1200})
    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 1200, 0)
    by_charge = sdk.v1.payment_intents.create({**SALE, "capture_method": "manual"})
    assert isinstance(by_charge.latest_charge, str)
    captured = sdk.v1.charges.capture(by_charge.latest_charge)
    assert captured.captured


def test_an_authorization_canceled(sdk: stripe.StripeClient) -> None:
    held = sdk.v1.payment_intents.create({**SALE, "capture_method": "manual"})
    ended = sdk.v1.payment_intents.cancel(held.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
    assert isinstance(held.latest_charge, str)
    assert sdk.v1.charges.retrieve(held.latest_charge).refunded


def test_customers_and_their_cards(sdk: stripe.StripeClient) -> None:
    customer = sdk.v1.customers.create(
        {"email": "jenny@example.com", "name": "Jenny", "metadata": {"tier": "gold"}}
    )
    method = sdk.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
            "billing_details": {"name": "Jenny", "address": {"postal_code": "94107"}},
        }
    )
    sdk.v1.payment_methods.attach(method.id, {"customer": customer.id})
    sdk.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    sdk.v1.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}, "phone": "555"}
    )
    listed = sdk.v1.customers.payment_methods.list(customer.id)
    assert len(listed.data) == 2
    assert sdk.v1.customers.payment_methods.retrieve(customer.id, method.id).id == method.id
    sdk.v1.payment_methods.update(method.id, {"billing_details": {"phone": "555"}})
    paid = sdk.v1.payment_intents.create(
        {**SALE, "customer": customer.id, "payment_method": method.id, "expand": ["customer"]}
    )
    assert isinstance(paid.customer, stripe.Customer)
    assert paid.customer.email == "jenny@example.com"
    shown = sdk.v1.customers.retrieve(
        customer.id, {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert shown.invoice_settings is not None
    default: Any = shown.invoice_settings.default_payment_method
    assert default.id == method.id
    assert sdk.v1.payment_methods.detach(method.id).customer is None
    gone = sdk.v1.customers.delete(customer.id)
    assert gone.deleted
    assert sdk.v1.customers.retrieve(customer.id).deleted


def test_balance_and_its_transactions(sdk: stripe.StripeClient) -> None:
    before = pending(sdk)
    sdk.v1.payment_intents.create(SALE)
    assert pending(sdk) == before + 2000 - 88  # 2.9 % and 30 cents
    newest = sdk.v1.balance_transactions.list({"limit": 1}).data[0]
    assert (newest.amount, newest.fee, newest.net, newest.type) == (2000, 88, 1912, "charge")
    shown = sdk.v1.balance_transactions.retrieve(newest.id, {"expand": ["source"]})
    assert isinstance(shown.source, stripe.Charge)


def pending(sdk: stripe.StripeClient) -> int:
    return sum(p.amount for p in sdk.v1.balance.retrieve().pending if p.currency == "usd")


def test_the_account(sdk: stripe.StripeClient) -> None:
    account = sdk.v1.accounts.retrieve_current()
    assert account.object == "account"
    assert account.charges_enabled


def test_events(sdk: stripe.StripeClient) -> None:
    paid = sdk.v1.payment_intents.create(SALE)
    listed = sdk.v1.events.list({"type": "payment_intent.succeeded", "limit": 1})
    event = listed.data[0]
    assert event.data.object["id"] == paid.id
    assert sdk.v1.events.retrieve(event.id).id == event.id


# Errors, typed


def refusal(kind: type[stripe.StripeError], ask: Callable[[], object]) -> Any:
    with pytest.raises(kind) as caught:
        ask()
    assert type(caught.value) is kind
    error: Any = caught.value
    assert error.request_id.startswith("req_")
    return error


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_declines(sdk: stripe.StripeClient, card: str, code: str, decline: str | None) -> None:
    error = refusal(
        stripe.CardError, lambda: sdk.v1.payment_intents.create({**SALE, "payment_method": card})
    )
    assert (error.http_status, error.code, error.error.decline_code) == (402, code, decline)
    intent = error.error.payment_intent
    assert intent["status"] == "requires_payment_method"
    assert error.error.charge == intent["latest_charge"]
    kept = sdk.v1.payment_intents.retrieve(intent["id"])
    assert kept.last_payment_error is not None
    assert kept.last_payment_error.code == code
    assert sdk.v1.charges.retrieve(error.error.charge).failure_code == code


def test_a_number_that_cannot_be(sdk: stripe.StripeClient) -> None:
    card: Any = {"number": "4242424242424241", "exp_month": 1, "exp_year": 2040}
    error = refusal(
        stripe.CardError, lambda: sdk.v1.payment_methods.create({"type": "card", "card": card})
    )
    assert (error.code, error.param) == ("incorrect_number", "number")


def test_requests_that_cannot_be(sdk: stripe.StripeClient) -> None:
    wrong = stripe.InvalidRequestError
    create = sdk.v1.payment_intents.create
    missing: Any = {"currency": "usd"}
    error = refusal(wrong, lambda: create(missing))
    assert (error.http_status, error.code, error.param) == (400, "parameter_missing", "amount")
    unknown: Any = {**SALE, "colour": "red"}
    error = refusal(wrong, lambda: create(unknown))
    assert (error.code, error.param) == ("parameter_unknown", "colour")
    error = refusal(wrong, lambda: sdk.v1.payment_intents.retrieve("pi_nothing"))
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "intent")
    error = refusal(wrong, lambda: sdk.v1.customers.retrieve("cus_nobody"))
    assert (error.http_status, error.code) == (404, "resource_missing")
    paid = create(SALE)
    error = refusal(wrong, lambda: sdk.v1.payment_intents.cancel(paid.id))
    assert error.code == "payment_intent_unexpected_state"
    assert error.error.payment_intent["id"] == paid.id
    too_much: Any = {"payment_intent": paid.id, "amount": 2001}
    error = refusal(wrong, lambda: sdk.v1.refunds.create(too_much))
    assert error.param == "amount"
    negative: Any = {"payment_intent": paid.id, "amount": -1}
    error = refusal(wrong, lambda: sdk.v1.refunds.create(negative))
    assert (error.code, error.param) == ("parameter_invalid_integer", "amount")
    sdk.v1.refunds.create({"payment_intent": paid.id})
    error = refusal(wrong, lambda: sdk.v1.refunds.create({"payment_intent": paid.id}))
    assert error.code == "charge_already_refunded"


def test_keys(server: Server) -> None:
    wrong = judged_client(server, "sk_test_wrong")
    error = refusal(stripe.AuthenticationError, wrong.v1.balance.retrieve)
    assert error.http_status == 401
    other = judged_client(server, stripe_account="acct_somebody")
    assert refusal(stripe.PermissionError, other.v1.balance.retrieve).http_status == 403


def test_idempotency(sdk: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": secrets.token_hex(8)}
    first = sdk.v1.payment_intents.create(SALE, options)
    assert sdk.v1.payment_intents.create(SALE, options).id == first.id
    error = refusal(
        stripe.IdempotencyError,
        lambda: sdk.v1.payment_intents.create({**SALE, "amount": 2001}, options),
    )
    assert error.http_status == 400


def test_its_own_retries_end_in_one_payment(server: Server) -> None:
    """Threads that share a key: the SDK tries again while another is in flight, and all get one payment."""
    patient = judged_client(server, max_network_retries=8)
    options: Any = {"idempotency_key": secrets.token_hex(8)}
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(patient.v1.payment_intents.create(SALE, options).id)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


# Lists


@pytest.fixture
def shop(server: Server) -> stripe.StripeClient:
    """A merchant with nothing yet."""
    return judged_client(server, new_merchant(server, "A new shop"))


@pytest.fixture
def busy(shop: stripe.StripeClient) -> Iterator[list[str]]:
    """The customers there were, oldest first, while more are added all the time."""
    before = [shop.v1.customers.create({"name": f"{number}"}).id for number in range(45)]
    stop = threading.Event()

    def add() -> None:
        while not stop.wait(0.002):
            shop.v1.customers.create({"name": "newer"})

    thread = threading.Thread(target=add)
    thread.start()
    yield before
    stop.set()
    thread.join()


def test_pages_while_rows_are_added(shop: stripe.StripeClient, busy: list[str]) -> None:
    newest_first = [c.id for c in shop.v1.customers.list({"limit": 7}).auto_paging_iter()]
    assert len(set(newest_first)) == len(newest_first)
    assert newest_first[-45:] == busy[::-1]


def test_pages_backwards_while_rows_are_added(shop: stripe.StripeClient, busy: list[str]) -> None:
    page = shop.v1.customers.list({"limit": 7, "ending_before": busy[0]})
    oldest_first = []
    for customer in page.auto_paging_iter():
        oldest_first.append(customer.id)
        if len(oldest_first) == 60:
            break
    assert len(set(oldest_first)) == len(oldest_first)
    assert oldest_first[:44] == busy[1:]


def test_filters(shop: stripe.StripeClient) -> None:
    made = shop.v1.customers.create({"email": "one@example.com"})
    shop.v1.customers.create({"email": "two@example.com"})
    found = shop.v1.customers.list({"email": "one@example.com"})
    assert [customer.id for customer in found.data] == [made.id]
    later = shop.v1.customers.list({"created": {"gt": made.created + 100}})
    assert later.data == []
    assert not later.has_more
    assert shop.v1.customers.list({"created": {"gte": made.created}}).data


# Webhooks


def test_deliveries_verify(server: Server, sdk: stripe.StripeClient) -> None:
    with listening() as listener:
        endpoint = sdk.v1.webhook_endpoints.create(
            {
                "url": listener.url,
                "enabled_events": ["payment_intent.succeeded", "charge.refunded"],
                "metadata": {"for": "orders"},
            }
        )
        secret: Any = endpoint.secret
        assert secret.startswith("whsec_")
        paid = sdk.v1.payment_intents.create({**SALE, "metadata": {"café": "☕ <&>"}})
        sdk.v1.refunds.create({"payment_intent": paid.id})
        got = listener.wait_for('"type":"payment_intent.succeeded"')  # in whatever order they come
        event = sdk.construct_event(got.payload, got.signature, secret)
        wire_schema.validate(json.loads(got.payload))
        assert event.type == "payment_intent.succeeded"
        assert event.data.object["id"] == paid.id
        refunded = listener.wait_for('"type":"charge.refunded"')
        event = sdk.construct_event(refunded.payload, refunded.signature, secret)
        assert event.data.object["id"] == paid.latest_charge
        for payload, signature, key in (
            (got.payload.replace(b"2000", b"9000"), got.signature, secret),
            (got.payload, got.signature, secret + "x"),
            (got.payload, refunded.signature, secret),
        ):
            with pytest.raises(stripe.SignatureVerificationError):
                sdk.construct_event(payload, signature, key)
        until(lambda: sdk.v1.events.retrieve(event.id).pending_webhooks == 0)
        sdk.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        assert sdk.v1.webhook_endpoints.retrieve(endpoint.id).status == "disabled"
        assert "secret" not in sdk.v1.webhook_endpoints.list().data[0].to_dict()
        assert sdk.v1.webhook_endpoints.delete(endpoint.id).deleted


def test_each_endpoint_gets_its_own_version(server: Server, sdk: stripe.StripeClient) -> None:
    with listening() as old, listening() as new:
        made = [
            sdk.v1.webhook_endpoints.create(
                {
                    "url": listener.url,
                    "enabled_events": ["payment_intent.succeeded"],
                    "api_version": version,  # type: ignore[typeddict-item]
                }
            )
            for listener, version in ((old, "2022-08-01"), (new, "2024-06-20"))
        ]
        paid = sdk.v1.payment_intents.create(SALE)
        first, second = (json.loads(each.wait_for(paid.id).payload) for each in (old, new))
        assert first["id"] == second["id"]
        assert (first["api_version"], second["api_version"]) == ("2022-08-01", "2024-06-20")
        charges = first["data"]["object"]["charges"]
        assert [charge["id"] for charge in charges["data"]] == [paid.latest_charge]
        assert "charges" not in second["data"]["object"]
        for endpoint in made:
            sdk.v1.webhook_endpoints.delete(endpoint.id)
