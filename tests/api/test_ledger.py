"""A merchant asks the ledger: its own accounts and payments, and nothing of anybody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from nostro.api import openapi
from nostro.api.v1 import operations
from nostro.balances.commands import TopUp
from nostro.db.pool import Pool
from nostro.db.urls import ConnectionUrls
from tests.api.test_isolation import Merchant, play
from tests.books import ENTROPY, books_on

ACCOUNTS = "/nostro/v1/ledger/accounts"


async def topped_up(database: ConnectionUrls) -> list[str]:
    """Both merchants have money; the ids of their balance transactions."""
    async with books_on(database) as books:
        return [
            await books.run(TopUp(1, ENTROPY.bytes(16), account, amount, "usd"))
            for account, amount in (("acct_1One", 500), ("acct_1One", 70), ("acct_1Two", 900))
        ]


def described(kind: str, body: Any) -> None:
    """The body is as OpenAPI says."""
    document = openapi.document(operations())
    schema = document["components"]["schemas"][kind] | {"components": document["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(body)


def test_each_sees_its_own_alone(database: ConnectionUrls, tmp_path: Path) -> None:
    async def scene(one: Merchant, two: Merchant) -> None:
        mine, _, theirs = await topped_up(database)
        code = "merchant:acct_1One:available:usd"
        listed = await one.ask("GET", ACCOUNTS)
        assert [(a["id"], a["balance"]) for a in listed["data"]] == [(code, 570)]
        described("ledger_account", await one.ask("GET", f"{ACCOUNTS}/{code}"))
        for other in (
            "merchant:acct_1Two:available:usd",
            "bank:sandbox:incoming:usd",
            "no:such",
            "%20",
        ):
            for path in (f"{ACCOUNTS}/{other}", f"{ACCOUNTS}/{other}/statement"):
                error = (await one.ask("GET", path, 404))["error"]
                assert error["code"] == "resource_missing", error
        for path in (f"{ACCOUNTS}/{code}", f"{ACCOUNTS}/{code}/statement"):
            await two.ask("GET", path, 404)
        story = await one.ask("GET", f"/nostro/v1/ledger/explain/{mine}")
        described("ledger_explanation", story)
        [transfer] = story["transfers"]
        assert transfer["credit"] == {"account": code, "balance": 500, "pending": 0}
        assert [*transfer["debit"]] == ["account"]
        await two.ask("GET", f"/nostro/v1/ledger/explain/{mine}", 404)
        await one.ask("GET", f"/nostro/v1/ledger/explain/{theirs}", 404)
        # The subject of another's transfer is no way in either.
        pool = Pool(database.app)
        subjects = await pool.fetch("SELECT subject FROM nostro.transfers WHERE book_id = 1")
        await pool.close()
        for (subject,) in subjects:
            await two.ask("GET", f"/nostro/v1/ledger/explain/{subject}", 404)

    play_unjudged(database, tmp_path, scene)


def test_pages_times_and_mistakes(database: ConnectionUrls, tmp_path: Path) -> None:
    async def scene(one: Merchant, two: Merchant) -> None:
        await topped_up(database)
        code = "merchant:acct_1One:available:usd"
        url = f"{ACCOUNTS}/{code}/statement"
        whole = await one.ask("GET", url)
        assert (whole["opening_balance"], whole["closing_balance"]) == (0, 570)
        assert [entry["balance"] for entry in whole["data"]] == [500, 570]
        for entry in whole["data"]:
            described("ledger_entry", entry)
        first, second = whole["data"]
        page = await one.ask("GET", f"{url}?limit=1")
        assert (page["data"], page["has_more"]) == ([first], True)
        page = await one.ask("GET", f"{url}?limit=1&starting_after={first['id']}")
        assert (page["data"], page["has_more"]) == ([second], False)
        page = await one.ask("GET", f"{url}?ending_before={second['id']}")
        assert (page["data"], page["has_more"]) == ([first], False)
        assert (await one.ask("GET", f"{url}?subject=none&code=top_up"))["data"] == []
        assert (await one.ask("GET", f"{url}?from=0&to=1"))["closing_balance"] == 0
        at = first["created"]
        assert (await one.ask("GET", f"{ACCOUNTS}/{code}?at={at - 5}"))["balance"] == 0
        assert (await one.ask("GET", f"{ACCOUNTS}/{code}?at={at + 5}"))["balance"] == 570
        day = first["effective_on"]
        assert (await one.ask("GET", f"{ACCOUNTS}/{code}?effective_on={day}"))["balance"] == 570
        assert (await one.ask("GET", f"{ACCOUNTS}/{code}?effective_on=2020-02-02"))["balance"] == 0
        for query in (
            "at=x", "at=-1", "effective_on=2020-02-30", "at=1&effective_on=2020-01-01", "unknown=1",
        ):  # fmt: skip
            error = (await one.ask("GET", f"{ACCOUNTS}/{code}?{query}", 400))["error"]
            assert error["message"] and error["type"] == "invalid_request_error"
        for query in (
            "limit=0", "starting_after=x", f"starting_after={'0' * 32}", "from=x",
            f"starting_after={first['id']}&ending_before={second['id']}",
        ):  # fmt: skip
            await one.ask("GET", f"{url}?{query}", 400)

    play_unjudged(database, tmp_path, scene)


def play_unjudged(database: ConnectionUrls, directory: Path, scene: Any) -> None:
    """These bodies are not Stripe's; errors are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.wire_schema.available", lambda: False)
        play(database, directory, scene)
