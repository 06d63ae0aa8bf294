"""Requests made from the API's own description, valid and not: never a 5xx, every error in the wire's shape.

Seeded, so that a run can be repeated. Parameters are filled from real objects as often as from nothing.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode

from tests import wire_schema
from tests.api.client import Api
from tests.server import Server

SEED = 20_260_729
EXAMPLES = 26  # of each operation, valid and as many not
CASES_LEAST = 2_000
SECONDS_LONGEST = 120.0  # on a busy machine; half of it alone
answered: Counter[int] = Counter()


def pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A value as the SDKs write it in a form: brackets for what is inside."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from pairs(item, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from pairs(item, f"{name}[{index}]")
    elif isinstance(value, bool):
        yield name, str(value).lower()
    else:
        yield name, "" if value is None else str(value)


@pytest.fixture(scope="module")
def real_ids(api: Api) -> dict[str, list[str]]:
    """Ids that exist, by the first segment of the path they belong to."""
    sale = {"amount": "2000", "currency": "usd", "payment_method": "pm_card_visa"}
    for more in ({}, {"confirm": "true"}, {"confirm": "true", "capture_method": "manual"}):
        api.post("/v1/payment_intents", sale | more)
    paid = api.post("/v1/payment_intents", sale | {"confirm": "true"})
    api.post("/v1/refunds", {"payment_intent": paid["id"], "amount": "500"})
    customer = api.post("/v1/customers", {"name": "Jenny"})["id"]
    method = api.post("/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    hook = {"url": "https://example.com/hook", "enabled_events[]": ["customer.deleted"]}
    ids = {"payment_methods": [method], "customers": [customer]}
    ids["webhook_endpoints"] = [api.post("/v1/webhook_endpoints", hook)["id"]]
    for name in ("payment_intents", "charges", "refunds", "balance_transactions", "events"):
        ids[name] = [item["id"] for item in api.get(f"/v1/{name}", "limit=10")["data"]]
    return ids


def send(
    server: Server, session: requests.Session, case: Any, ids: dict[str, list[str]], dice: Any
) -> requests.Response:
    """The case as a request; every second time its id is a real one."""
    kind = case.operation.path.split("/")[2]
    if case.path_parameters and ids.get(kind) and dice.random() < 0.5:
        case.path_parameters["id"] = dice.choice(ids[kind])
    sent = case.as_transport_kwargs(base_url=server.url)
    if isinstance(case.body, dict):
        sent.pop("json", None)
        sent["data"] = list(pairs(case.body))
    if isinstance(case.query, dict):
        sent["params"] = list(pairs(case.query))
    sent["headers"] = {
        **(sent.get("headers") or {}),
        "Authorization": f"Bearer {server.secret_key}",
    }
    return session.request(**{**sent, "timeout": 10})


def check(response: requests.Response) -> None:
    """Never ours to blame, and always of the wire's shape."""
    answered[response.status_code] += 1
    assert response.status_code < 500, (response.text[:500], response.request.url)
    sent = response.request
    where = f"{sent.method} {sent.url} {sent.body!r} {dict(sent.headers)}"[:1500]
    kind = response.headers.get("Content-Type")
    assert kind == "application/json", (response.status_code, response.text[:200], where)
    assert response.elapsed.total_seconds() < 2.0
    if response.status_code != 200:
        wire_schema.validate(response.json())
        assert response.status_code in (400, 401, 402, 403, 404, 409, 413, 414, 429, 431)
    elif response.headers["Stripe-Version"] == wire_schema.VERSION:
        wire_schema.validate(response.json())


def test_the_description_is_kept(server: Server, real_ids: dict[str, list[str]]) -> None:
    document = requests.get(f"{server.url}/openapi.json", timeout=10)
    assert document.status_code == 200
    schema = schemathesis.openapi.from_dict(document.json())
    began, dice = time.monotonic(), random.Random(SEED)
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.startswith("/v1/"):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    try_out(server, session, operation, mode, real_ids, dice)
    assert sum(answered.values()) >= CASES_LEAST, answered
    assert answered[200] > sum(answered.values()) / 50, answered  # it got somewhere
    took = time.monotonic() - began
    print(f"{sum(answered.values())} requests in {took:.0f} s, by status: {dict(answered)}")
    assert took < SECONDS_LONGEST


def try_out(
    server: Server,
    session: requests.Session,
    operation: Any,
    mode: GenerationMode,
    ids: dict[str, list[str]],
    dice: random.Random,
) -> None:
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        check(send(server, session, case, ids, dice))

    one()
