"""`nostro keys` tells the audit log before it ends, with no worker anywhere; without a log to tell, keys are made all the same."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from nostro.bootstrap import administration
from nostro.bootstrap.secret_files import secret_file
from nostro.cli.programs import NewKeys
from nostro.config import Settings
from nostro.db.urls import ConnectionUrls, with_database
from nostro.kernel.money import FeeSchedule
from nostro.kernel.secret import Secret
from tests.books import ENTROPY, books_on
from tests.database import TestServer

RECORDS = "SELECT action, actor, outcome FROM nostro.audit_records WHERE book_id = 1 ORDER BY seq"
WANTED = NewKeys(None, "A shop", False, 1, FeeSchedule(290, 30))


@pytest.fixture
def settings(postgres: TestServer, database: ConnectionUrls, tmp_path: Path) -> Settings:
    """An installation whose database runs elsewhere; its books are open."""
    secret_file(tmp_path / "api.key", ENTROPY)

    async def open_books() -> None:
        async with books_on(database):
            pass

    asyncio.run(open_books())
    name = str(psycopg.conninfo.conninfo_to_dict(database.app)["dbname"])
    url = with_database(postgres.admin_url, name)
    return Settings(data_dir=tmp_path, database_url=Secret(url))


def records(database: ConnectionUrls) -> list[tuple[str, ...]]:
    with psycopg.connect(database.read_only) as connection:
        return connection.execute(RECORDS).fetchall()


def test_a_key_is_recorded_as_it_is_made_and_as_it_is_revoked(
    settings: Settings, database: ConnectionUrls
) -> None:
    [(_, key)] = asyncio.run(administration.create_keys(settings, WANTED))
    made = [(action, "operator", "done") for action in ("account.created", "api_key.created")]
    assert records(database) == made
    assert asyncio.run(administration.revoke_key(settings, key))
    assert records(database) == [*made, ("api_key.revoked", "operator", "done")]


def test_a_log_that_cannot_be_told_does_not_keep_a_key_from_being_revoked(
    settings: Settings, database: ConnectionUrls, caplog: pytest.LogCaptureFixture
) -> None:
    [(account, key)] = asyncio.run(administration.create_keys(settings, WANTED))
    told = records(database)
    with psycopg.connect(database.owner) as connection:
        connection.execute("ALTER TABLE nostro.audit_records RENAME TO away")
    assert asyncio.run(administration.revoke_key(settings, key))
    assert "the worker will tell it" in caplog.text
    with psycopg.connect(database.owner) as connection:
        connection.execute("ALTER TABLE nostro.away RENAME TO audit_records")
    [kept] = asyncio.run(administration.list_keys(settings, account))
    assert kept.revoked_ms is not None
    assert records(database) == told
    asyncio.run(administration.create_keys(settings, WANTED))  # whoever tells next tells it, too
    assert ("api_key.revoked", "operator", "done") in records(database)
