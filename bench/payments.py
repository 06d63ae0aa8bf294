"""What is sent: finished request bytes, each with an idempotency key never used before."""

import itertools
import secrets
from collections.abc import Callable, Sequence

BODY = b"amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa"
RETURN_URL = b"&return_url=https%3A%2F%2Fexample.com%2Fback"
SUCCEEDED = b'"succeeded"'
TEMPLATE = (
    b"POST /v1/payment_intents HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"
    b"Idempotency-Key: "
)


def requests(host: str, secret_keys: Sequence[str]) -> Callable[[], bytes]:
    """A function that gives the next request, going round the merchants' keys in turn.

    With one key every payment is for one merchant. Idempotency keys begin with a random part, so
    two runs against one server never collide.
    """
    body = BODY + RETURN_URL
    heads = [TEMPLATE % (host.encode(), key.encode(), len(body)) for key in secret_keys]
    if not heads:
        raise ValueError("at least one secret key is needed")
    head, tail = itertools.cycle(heads), b"\r\n\r\n" + body
    run, number = secrets.token_hex(6).encode(), itertools.count()
    return lambda: b"%bbench-%b-%x%b" % (next(head), run, next(number), tail)


def succeeded(status: int, body: bytes) -> bool:
    """Whether an answer says that the money was taken."""
    return status == 200 and SUCCEEDED in body
