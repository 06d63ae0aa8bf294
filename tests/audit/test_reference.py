"""docs/reference/audit-log.md: its statements run, and it tells of every command that may leave a record."""

import asyncio
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import nostro
from nostro.db.trail import action_of
from nostro.db.urls import ConnectionUrls
from nostro.events.commands import CreateEndpoint
from nostro.events.emit import Origin
from tests.books import BOOK, ENTROPY, books_on
from tests.docs.blocks import blocks
from tests.server import ROOT

PAGE = ROOT / "docs" / "reference" / "audit-log.md"
ADDRESS = "192.0.2.1"
# They change no audited state: rows about sends, leases and deliveries, people's data, answers.
SILENT = {
    "attach_method", "claim_attempt", "claim_refund", "count_refund_send", "count_send",
    "create_customer", "create_method", "delete_customer", "detach_method", "end_leases",
    "end_refund_leases", "intend_cancel", "prune", "record_failure", "record_retry", "redeliver", "release_day",
    "save_related", "top_up", "update_charge", "update_customer", "update_method",
    "update_refund",
    "cancel_refund",  # always refused: a refund to a card waits for nobody
}  # fmt: skip
# Their records bear the name of what they tell of, or of what they guard.
NAMED_OTHERWISE = {
    "erase_metadata", "guarded", "raise_alarm", "record", "record_erased_addresses", "record_snapshot", "settle_alarm",
    "tell_settings",
}  # fmt: skip


def actions() -> Iterator[str]:
    """The name of every command of every room."""
    for room in pkgutil.iter_modules(nostro.__path__, "nostro."):
        if not room.ispkg or room.name in ("nostro.db", "nostro.kernel", "nostro.cli"):
            continue
        package = importlib.import_module(room.name)
        for module in pkgutil.iter_modules(package.__path__, f"{room.name}."):
            found = vars(importlib.import_module(module.name)).values()
            yield from (
                action_of(one)
                for one in found
                if inspect.isclass(one) and hasattr(one, "decide") and hasattr(one, "reads")
                if not getattr(one, "_is_protocol", False)
            )


def test_every_action_is_told_of() -> None:
    table = PAGE.read_text("utf-8").partition("## Actions")[2].partition("## Reading")[0]
    told = set(re.findall(r"`(\w+)`", table))
    commands = set(actions())
    assert len(commands) > 30
    assert commands - SILENT - NAMED_OTHERWISE - told == set()
    assert SILENT - commands == SILENT & told == set()


def test_its_statements_run_and_an_erased_address_leaves_its_hash(database: ConnectionUrls) -> None:
    history, by_key, erase = [block.text for block in blocks(PAGE) if block.language == "sql"]
    asyncio.run(_followed(database, history, by_key, erase))


async def _followed(urls: ConnectionUrls, history: str, by_key: str, erase: str) -> None:
    origin = Origin("acct_1", False, "req_1", None, "key_1", ADDRESS)
    async with books_on(urls) as books:
        await books.run(
            CreateEndpoint(
                BOOK, ENTROPY.bytes(16), origin, "we_1", "https://a.example", ("*",), "s"
            )
        )
        [(_, action, changes, actor, request, outcome, address, _)] = await books.rows(
            history.replace("pi_…", "we_1")
        )
        assert (action, actor, request, outcome) == ("create_endpoint", "key_1", "req_1", "done")
        assert changes == '[["webhook_endpoints","we_1","","enabled https://a.example *"]]'
        assert address == ADDRESS
        kept = "SELECT address_salt IS NULL, address_hash FROM nostro.audit_records"
        [(_, hashed)] = await books.rows(kept)
        await books.rows(erase)
        assert await books.rows(by_key.replace("key_…", "key_1")) == [
            (1, "create_endpoint", "we_1", "done", None)
        ]
        assert await books.rows(kept) == [(True, hashed)]
        assert len(hashed) == 32
