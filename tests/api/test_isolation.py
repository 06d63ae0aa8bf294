"""Two merchants in one book: what is one's does not exist for the other."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import falcon.testing

from nostro.api.app import build
from nostro.api.v1 import operations
from nostro.bootstrap.graph import graph
from nostro.bootstrap.secret_files import secret_file
from nostro.config import Settings
from nostro.db.pool import Pool
from nostro.db.urls import ConnectionUrls
from nostro.ledger.books import open_book
from nostro.merchants.service import Merchants
from nostro.system import SystemClock, SystemEntropy
from tests import wire_schema


class Merchant:
    """One merchant's requests."""

    def __init__(self, conductor: falcon.testing.ASGIConductor, key: str) -> None:
        self._conductor = conductor
        self._headers = {"Authorization": f"Bearer {key}"}

    async def ask(self, method: str, path: str, status: int = 200, body: str = "") -> dict:  # type: ignore[type-arg]
        """One request, whose answer is judged."""
        headers = dict(self._headers)
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = await self._conductor.simulate_request(method, path, headers=headers, body=body)
        assert answer.status_code == status, (method, path, answer.text)
        if wire_schema.available():
            wire_schema.validate(answer.json)
        found: dict = answer.json  # type: ignore[type-arg]
        return found


Play = Callable[[Merchant, Merchant], Awaitable[None]]


async def _keys(settings: Settings, app_url: str) -> list[str]:
    clock, entropy, pool = SystemClock(), SystemEntropy(), Pool(app_url)
    try:
        secret = secret_file(settings.data_dir / "api.key", entropy)
        merchants = Merchants(pool, secret, clock, entropy)
        for book, live, name in ((1, False, "test"), (2, True, "live")):
            await merchants.open_book(book, live, name)
            await open_book(pool, book)
        accounts = ("acct_1One", "acct_1Two")
        for account in accounts:
            await merchants.create_account(account, account=account)
        return [(await merchants.create_key(one, False)).reveal() for one in accounts]
    finally:
        await pool.close()


def play(database: ConnectionUrls, directory: Path, scene: Play) -> None:
    """Serves the whole application over a real database to two merchants."""
    settings = Settings(data_dir=directory)

    async def whole() -> None:
        one, two = await _keys(settings, database.app)
        app = build(lambda: graph(settings, database.app, "api"), operations())
        async with falcon.testing.ASGIConductor(app) as conductor:
            await scene(Merchant(conductor, one), Merchant(conductor, two))

    asyncio.run(whole())


def test_ids_and_cursors_of_another_account_do_not_exist(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    async def scene(one: Merchant, two: Merchant) -> None:
        customer = (await one.ask("POST", "/v1/customers", body="payment_method=pm_card_visa"))[
            "id"
        ]
        method = (await one.ask("GET", f"/v1/customers/{customer}/payment_methods"))["data"][0][
            "id"
        ]
        intent = (await one.ask("POST", "/v1/payment_intents", body="amount=100&currency=usd"))[
            "id"
        ]
        hook = "url=https%3A%2F%2Fexample.com&enabled_events[]=*"
        endpoint = (await one.ask("POST", "/v1/webhook_endpoints", body=hook))["id"]
        event = (await one.ask("GET", "/v1/events"))["data"][0]["id"]
        mine = {
            "customers": customer, "payment_methods": method, "payment_intents": intent,
            "webhook_endpoints": endpoint, "events": event,
        }  # fmt: skip
        for name, identifier in mine.items():
            await one.ask("GET", f"/v1/{name}/{identifier}")
            await two.ask("GET", f"/v1/{name}/{identifier}", 404)
            await two.ask("GET", f"/v1/{name}?starting_after={identifier}", 400)
            assert (await two.ask("GET", f"/v1/{name}"))["data"] == []
        for path, body in (
            (f"customers/{customer}", "name=x"),
            (f"payment_methods/{method}", "metadata[a]=b"),
            (f"payment_methods/{method}/detach", ""),
            (f"webhook_endpoints/{endpoint}", "disabled=true"),
            (f"payment_intents/{intent}/cancel", ""),
        ):
            await two.ask("POST", f"/v1/{path}", 404, body)
        theirs = (await two.ask("POST", "/v1/customers"))["id"]
        await two.ask("POST", f"/v1/payment_methods/{method}/attach", 404, f"customer={theirs}")
        await two.ask(
            "POST", "/v1/payment_methods/pm_card_visa/attach", 404, f"customer={customer}"
        )
        for path in (f"customers/{customer}", f"webhook_endpoints/{endpoint}"):
            await two.ask("DELETE", f"/v1/{path}", 404)
        assert (await one.ask("GET", f"/v1/customers/{customer}"))["name"] is None

    play(database, tmp_path, scene)


def test_no_secret_of_an_endpoint_is_in_the_database(
    database: ConnectionUrls, tmp_path: Path
) -> None:
    """Neither in its row nor in the answer saved under the key."""

    async def scene(one: Merchant, two: Merchant) -> None:
        one._headers["Idempotency-Key"] = "sealed"
        hook = "url=https%3A%2F%2Fexample.com&enabled_events[]=*"
        secret = (await one.ask("POST", "/v1/webhook_endpoints", body=hook))["secret"]
        pool = Pool(database.app)
        try:
            rows = [
                *await pool.fetch("SELECT to_jsonb(t)::text FROM nostro.webhook_endpoints AS t"),
                *await pool.fetch("SELECT to_jsonb(t)::text FROM nostro.idempotency_keys AS t"),
            ]
        finally:
            await pool.close()
        assert len(rows) == 2
        for (text,) in rows:
            assert secret not in text and secret.removeprefix("whsec_") not in text

    play(database, tmp_path, scene)
