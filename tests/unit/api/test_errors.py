"""Errors have Stripe's shape, status and words, and the official SDK knows them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe
from stripe._api_requestor import _APIRequestor

from nostro.api import errors
from nostro.api.echo import echo
from nostro.api.errors import ApiError, to_body

KEY = "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc"
TEXTS = [
    (errors.no_such("payment_intent", "pi_x", "intent"), 404, "No such payment_intent: 'pi_x'"),
    (errors.no_such("PaymentMethod", "pm_x"), 404, "No such PaymentMethod: 'pm_x'"),
    (errors.unknown_parameters(["a"]), 400, "Received unknown parameter: a"),
    (errors.missing_parameter("amount"), 400, "Missing required param: amount."),
    (errors.unknown_url("GET", "/v1/foo"), 404, "Unrecognized request URL (GET: /v1/foo)."),
    (errors.invalid_api_key(KEY), 401, "Invalid API Key provided: sk_test_****p7dc"),
    (errors.invalid_api_key("sk_test_abc"), 401, "Invalid API Key provided: sk_test_****"),
    (errors.invalid_api_key("hello"), 401, "Invalid API Key provided: ****"),
    (errors.no_api_key(), 401, "You did not provide an API key."),
    (errors.idempotency_parameters_differ("k"), 400, "Keys for idempotent requests can only be"),
    (errors.idempotency_endpoint_differs("k", "/v1/x"), 400, "Keys for idempotent requests"),
    (errors.idempotency_key_in_use("k"), 409, "There is currently another in-progress request"),
    (errors.lock_timeout(), 429, "This object cannot be accessed right now"),
    (errors.rate_limited("global-rate"), 429, "Request rate limit exceeded."),
    (errors.internal_error("req_1"), 500, "An error occurred on our side (request req_1)."),
]
SDK_TYPES = [
    (errors.no_such("charge", "ch_x"), stripe.InvalidRequestError),
    (errors.invalid_api_key(KEY), stripe.AuthenticationError),
    (errors.card_error("Your card was declined.", code="card_declined"), stripe.CardError),
    (errors.idempotency_parameters_differ("k"), stripe.IdempotencyError),
    (errors.rate_limited("global-rate"), stripe.RateLimitError),
    (errors.forbidden("no"), stripe.PermissionError),
    (errors.internal_error(), stripe.APIError),
]


@pytest.mark.parametrize(("error", "status", "message"), TEXTS)
def test_standard_errors_have_stripes_status_and_words(
    error: ApiError, status: int, message: str
) -> None:
    assert error.status == status
    assert error.message.startswith(message)
    assert to_body(error)["error"]["message"] == error.message


@pytest.mark.parametrize(("error", "sdk_type"), SDK_TYPES)
def test_the_official_sdk_raises_its_own_error_for_ours(
    error: ApiError, sdk_type: type[Exception]
) -> None:
    body = to_body(error)
    requestor: Any = _APIRequestor()
    with pytest.raises(sdk_type) as raised:
        requestor._interpret_response(json.dumps(body), error.status, {}, "V1")
    assert getattr(raised.value, "user_message") == error.message  # noqa: B009
    carries_code = sdk_type not in (stripe.RateLimitError, stripe.PermissionError)
    assert getattr(raised.value, "code") == (error.code if carries_code else None)  # noqa: B009


def test_a_decline_looks_like_stripes() -> None:
    error = errors.card_error(
        "Your card was declined.", code="card_declined", decline_code="generic_decline", param=""
    )
    assert to_body(error) == {
        "error": {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "generic_decline",
            "doc_url": "https://stripe.com/docs/error-codes/card-declined",
            "message": "Your card was declined.",
            "param": "",
        }
    }


def test_fields_without_a_value_are_left_out() -> None:
    assert to_body(errors.internal_error()) == {
        "error": {"type": "api_error", "message": "An error occurred on our side."}
    }


def test_only_what_had_no_effect_or_is_safe_to_repeat_asks_for_a_retry() -> None:
    retried = [
        errors.lock_timeout(),
        errors.rate_limited("global-rate"),
        errors.idempotency_key_in_use("k"),
        errors.outcome_unconfirmed(),
        errors.unavailable(),
    ]
    assert all(error.headers["Stripe-Should-Retry"] == "true" for error in retried)
    assert "Stripe-Should-Retry" not in errors.internal_error().headers
    assert errors.rate_limited("global-rate", 3).headers["Retry-After"] == "3"


def test_headers_of_one_error_are_not_those_of_the_next() -> None:
    errors.lock_timeout().headers["Stripe-Should-Retry"] = "false"
    assert errors.lock_timeout().headers["Stripe-Should-Retry"] == "true"


def test_a_key_is_never_repeated() -> None:
    for key in (KEY, KEY + "\r\n", "sk_test_shorter", KEY[3:], "sk_test_" + "é" * 30):
        message = errors.invalid_api_key(key).message
        assert key[8:-4] not in message
        assert message.isascii() and message.isprintable() and len(message) < 50


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("pi_1234567890123456", "pi_1234567890123456"),
        ("99999999999999999999", "99999999999999999999"),
        ("4242424242424242", "••••"),
        ("x4242 4242 4242 4242y", "x••••y"),
        ("1234242424242424242", "••••"),
        ("a\r\nb\x1b[0m", "a\ufffd\ufffdb\ufffd[0m"),
        ("x" * 200, "x" * 99 + "…"),
    ],
)
def test_what_was_typed_is_echoed_short_printable_and_without_cards(text: str, shown: str) -> None:
    assert echo(text) == shown


def test_a_thousand_unknown_parameters_make_a_short_answer() -> None:
    names = [f"{'x' * 300}{number}" for number in range(1_000)]
    assert len(errors.unknown_parameters(names).message) < 3_000
