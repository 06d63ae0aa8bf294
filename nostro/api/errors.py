"""Stripe's error object: every refusal the API can answer, and the words for it.

One rule: a caller learns what to change and nothing about us. What was typed is echoed through
`echo`, which shortens it and hides whatever could be a card number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nostro.api.echo import echo

API_ERROR = "api_error"
CARD_ERROR = "card_error"
IDEMPOTENCY_ERROR = "idempotency_error"
INVALID_REQUEST = "invalid_request_error"
# Stripe's SDKs obey this header before their own rules about statuses.
RETRY = {"Stripe-Should-Retry": "true"}
DO_NOT_RETRY = {"Stripe-Should-Retry": "false"}

_MOST_NAMES = 20


class ApiError(Exception):
    """An answer that is an error: HTTP status, Stripe's error object and extra headers."""

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        doc_url: str | None = None,
        charge: str | None = None,
        payment_intent: Mapping[str, Any] | None = None,
        payment_method: Mapping[str, Any] | None = None,
        setup_intent: Mapping[str, Any] | None = None,
        request_log_url: str | None = None,
        advice_code: str | None = None,
        network_decline_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.message = message
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.doc_url = doc_url
        self.charge = charge
        self.payment_intent = payment_intent
        self.payment_method = payment_method
        self.setup_intent = setup_intent
        self.request_log_url = request_log_url
        self.advice_code = advice_code
        self.network_decline_code = network_decline_code
        self.headers = dict(headers or {})

    def __repr__(self) -> str:
        return f"ApiError({self.status}, {self.type!r}, {self.message!r}, code={self.code!r})"


_OPTIONAL = (
    "code",
    "param",
    "decline_code",
    "doc_url",
    "charge",
    "payment_intent",
    "payment_method",
    "setup_intent",
    "request_log_url",
    "advice_code",
    "network_decline_code",
)


def to_body(error: ApiError) -> dict[str, Any]:
    """The body of the answer. Fields without a value are left out, as Stripe leaves them out."""
    fields = {"type": error.type, "message": error.message}
    fields.update(
        (name, value) for name in _OPTIONAL if (value := getattr(error, name)) is not None
    )
    if error.code is not None and error.doc_url is None:
        fields["doc_url"] = doc_url(error.code)
    return {"error": fields}


def doc_url(code: str) -> str:
    """Where Stripe's documentation explains an error code; SDK users look there."""
    return "https://stripe.com/docs/error-codes/" + code.replace("_", "-")


def invalid_request(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400
) -> ApiError:
    """A request that must be changed before it can succeed."""
    return ApiError(status, INVALID_REQUEST, message, code=code, param=param)


def unknown_parameters(names: list[str]) -> ApiError:
    """Parameters this endpoint does not have, in the order they came; the first twenty."""
    shown = ", ".join(echo(name) for name in names[:_MOST_NAMES])
    plural = "s" if len(names) > 1 else ""
    return invalid_request(
        f"Received unknown parameter{plural}: {shown}",
        code="parameter_unknown",
        param=echo(names[0]),
    )


def missing_parameter(name: str) -> ApiError:
    """A required parameter was not sent."""
    return invalid_request(f"Missing required param: {name}.", code="parameter_missing", param=name)


def empty_parameter(name: str) -> ApiError:
    """An empty string for a parameter that cannot be unset."""
    return invalid_request(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def invalid_integer(name: str, value: str) -> ApiError:
    """Not a whole number of at most 64 bits."""
    return invalid_request(
        f"Invalid integer: {echo(value)}", code="parameter_invalid_integer", param=name
    )


def exclusive_parameters(first: str, second: str) -> ApiError:
    """Two parameters of which only one may be sent."""
    return invalid_request(
        f"You may only specify one of these parameters: {first}, {second}.",
        code="parameters_exclusive",
        param=first,
    )


def no_such(kind: str, identifier: str, param: str = "id", status: int = 404) -> ApiError:
    """No such object for this account in this mode. `kind` is Stripe's word, such as `charge`."""
    return invalid_request(
        f"No such {kind}: '{echo(identifier)}'",
        code="resource_missing",
        param=param,
        status=status,
    )


def unknown_url(method: str, path: str) -> ApiError:
    """No endpoint has this method and path."""
    return invalid_request(
        f"Unrecognized request URL ({method}: {echo(path)}). "
        "GET /openapi.json lists those there are.",
        status=404,
    )


def no_api_key() -> ApiError:
    """The request carries no key at all."""
    return ApiError(
        401,
        INVALID_REQUEST,
        "You did not provide an API key. You need to provide your API key in the Authorization "
        "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        headers={"WWW-Authenticate": 'Basic realm="Nostro"'},
    )


def invalid_api_key(key: str) -> ApiError:
    """The key is not one of ours, or was revoked. Only its kind and its last four are echoed."""
    return ApiError(
        401,
        INVALID_REQUEST,
        f"Invalid API Key provided: {masked_key(key)}",
        headers={"WWW-Authenticate": 'Basic realm="Nostro"'},
    )


def masked_key(key: str) -> str:
    """`sk_test_****` and the last four of keys long enough to stay secret without them."""
    kinds = ("sk_test_", "sk_live_", "pk_test_", "pk_live_", "rk_test_", "rk_live_")
    kind = next((kind for kind in kinds if key.startswith(kind)), "")
    tail = key[-4:] if kind and len(key) >= 24 and key.isascii() and key[-4:].isalnum() else ""
    return f"{kind}****{tail}"


def forbidden(message: str) -> ApiError:
    """The key is good and may not do this."""
    return invalid_request(message, code="secret_key_required", status=403)


def card_error(
    message: str,
    *,
    code: str,
    param: str | None = None,
    decline_code: str | None = None,
    charge: str | None = None,
    payment_intent: Mapping[str, Any] | None = None,
    payment_method: Mapping[str, Any] | None = None,
) -> ApiError:
    """The card was refused, by its issuer or by the rules of its number."""
    return ApiError(
        402,
        CARD_ERROR,
        message,
        code=code,
        param=param,
        decline_code=decline_code,
        charge=charge,
        payment_intent=payment_intent,
        payment_method=payment_method,
    )


def idempotency_parameters_differ(key: str) -> ApiError:
    """The key was first used with other parameters."""
    return ApiError(
        400,
        IDEMPOTENCY_ERROR,
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{echo(key)}' if you meant to execute a different "
        "request.",
    )


def idempotency_endpoint_differs(key: str, first: str) -> ApiError:
    """The key was first used for another endpoint; `first` is that endpoint's path."""
    return ApiError(
        400,
        IDEMPOTENCY_ERROR,
        "Keys for idempotent requests can only be used for the same endpoint they were first used "
        f"for ({echo(first)}). Try using a key other than '{echo(key)}' if you meant to execute a "
        "different request.",
    )


def idempotency_key_in_use(key: str) -> ApiError:
    """Another request with the key is still running; SDKs try again by themselves."""
    return ApiError(
        409,
        IDEMPOTENCY_ERROR,
        "There is currently another in-progress request using this Idempotent Key "
        f"({echo(key)}), probably because you submitted twice. Try again later.",
        code="idempotency_key_in_use",
        headers=RETRY,
    )


def idempotency_key_too_long(longest: int) -> ApiError:
    """The header is longer than a key may be. The key is not echoed."""
    return ApiError(400, IDEMPOTENCY_ERROR, f"Idempotency keys have at most {longest} characters.")


def lock_timeout() -> ApiError:
    """Another request is changing the same object; nothing happened."""
    return ApiError(
        429,
        INVALID_REQUEST,
        "This object cannot be accessed right now because another API request or Nostro process "
        "is currently accessing it. If you see this error intermittently, retry the request. If "
        "you see this error frequently and are making multiple concurrent requests to a single "
        "object, make your requests serially or at a lower rate.",
        code="lock_timeout",
        headers=RETRY,
    )


def rate_limited(reason: str, retry_after_seconds: int = 1) -> ApiError:
    """Too many requests; nothing happened. `reason` is such as `global-rate`, `endpoint-rate`."""
    return ApiError(
        429,
        INVALID_REQUEST,
        "Request rate limit exceeded. Nothing happened: the same request may be sent again, "
        "after a pause.",
        code="rate_limit",
        headers={
            **RETRY,
            "Stripe-Rate-Limited-Reason": reason,
            "Retry-After": str(retry_after_seconds),
        },
    )


def unavailable() -> ApiError:
    """Nothing happened; the same request may be sent again."""
    return ApiError(
        503, API_ERROR, "The service is temporarily unavailable. Try again.", headers=RETRY
    )


def internal_error(request_id: str | None = None) -> ApiError:
    """Our mistake. Says nothing of what it was; the request id finds it in our log."""
    found = f" (request {request_id})" if request_id else ""
    return ApiError(500, API_ERROR, f"An error occurred on our side{found}.")


def outcome_unconfirmed() -> ApiError:
    """We cannot say yet what became of the request: the same key will, so try again with it."""
    return ApiError(
        500,
        API_ERROR,
        "The result of this request could not be confirmed in time. Retry it with the same "
        "idempotency key.",
        headers=RETRY,
    )
