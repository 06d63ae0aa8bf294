"""Migrations run once, in order, one process at a time, and are never edited afterwards."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from nostro.db import migrate as runner
from nostro.db import roles
from nostro.db.errors import MigrationChanged, MigrationError, MigrationMisnamed
from nostro.db.migrate import MIGRATIONS, migrate, migrate_blocking
from nostro.db.urls import ConnectionUrls
from tests.database import TestServer

FIRST = "CREATE TABLE nostro.things (book_id integer); INSERT INTO nostro.things VALUES (1);"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A throw-away directory with one migration."""
    (tmp_path / "0001_pre_things.sql").write_text(FIRST)
    return tmp_path


def things(urls: ConnectionUrls) -> int:
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute("SELECT count(*) FROM nostro.things").fetchone()
        assert row is not None
        return int(row[0])


def test_each_runs_once(empty_database: ConnectionUrls, directory: Path) -> None:
    assert migrate_blocking(empty_database.owner, directory) == ("0001_pre_things",)
    assert migrate_blocking(empty_database.owner, directory) == ()
    assert things(empty_database) == 1


def test_many_at_once_apply_each_one_once(empty_database: ConnectionUrls, directory: Path) -> None:
    async def many() -> list[tuple[str, ...]]:
        return await asyncio.gather(*(migrate(empty_database.owner, directory) for _ in range(6)))

    assert sorted(asyncio.run(many())) == [()] * 5 + [("0001_pre_things",)]
    assert things(empty_database) == 1


def test_an_edited_one_is_refused_before_anything_runs(
    empty_database: ConnectionUrls, directory: Path
) -> None:
    migrate_blocking(empty_database.owner, directory)
    (directory / "0001_pre_things.sql").write_text(FIRST + " ")
    (directory / "0002_pre_more.sql").write_text("INSERT INTO nostro.things VALUES (2)")
    with pytest.raises(MigrationChanged, match="0001_pre_things"):
        migrate_blocking(empty_database.owner, directory)
    assert things(empty_database) == 1


def test_one_that_fails_leaves_nothing_and_keeps_those_before(
    empty_database: ConnectionUrls, directory: Path
) -> None:
    (directory / "0002_pre_bad.sql").write_text("INSERT INTO nostro.things VALUES (2); SELECT 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate_blocking(empty_database.owner, directory)
    assert things(empty_database) == 1
    (directory / "0002_pre_bad.sql").write_text("INSERT INTO nostro.things VALUES (2)")
    assert migrate_blocking(empty_database.owner, directory) == ("0002_pre_bad",)


def test_post_waits_for_the_next_phase(empty_database: ConnectionUrls, directory: Path) -> None:
    (directory / "0002_post_drop.sql").write_text("DROP TABLE nostro.things")
    with pytest.raises(MigrationError, match="0001_pre_things comes first"):
        migrate_blocking(empty_database.owner, directory, "post")
    assert migrate_blocking(empty_database.owner, directory, "pre") == ("0001_pre_things",)
    assert migrate_blocking(empty_database.owner, directory, "post") == ("0002_post_drop",)


def test_the_previous_release_accepts_the_next_ones_schema(
    empty_database: ConnectionUrls, directory: Path
) -> None:
    (directory / "0002_pre_next.sql").write_text("SELECT 1")
    migrate_blocking(empty_database.owner, directory)
    (directory / "0002_pre_next.sql").unlink()
    assert migrate_blocking(empty_database.owner, directory) == ()


def test_an_index_is_built_concurrently(empty_database: ConnectionUrls, directory: Path) -> None:
    text = "-- outside a transaction\nCREATE INDEX CONCURRENTLY things_book ON nostro.things"
    (directory / "0002_post_index.sql").write_text(f"{text} (book_id)")

    async def two() -> None:
        # The second waits for its turn while the first builds, and must not be waited for.
        await asyncio.gather(*(migrate(empty_database.owner, directory) for _ in range(2)))

    asyncio.run(two())


def test_a_locked_table_stops_the_migration_and_not_the_payments(
    empty_database: ConnectionUrls, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_TIMEOUT_MS", 20)
    monkeypatch.setattr(runner, "LOCK_ATTEMPTS", 2)
    migrate_blocking(empty_database.owner, directory)
    (directory / "0002_pre_column.sql").write_text("ALTER TABLE nostro.things ADD note text")
    with psycopg.connect(empty_database.owner) as reader:
        reader.execute("SELECT * FROM nostro.things")
        with pytest.raises(MigrationError, match="stayed locked"):
            migrate_blocking(empty_database.owner, directory)
    assert migrate_blocking(empty_database.owner, directory) == ("0002_pre_column",)


@pytest.mark.parametrize(
    "name", ["1_pre_x.sql", "0002_x.sql", "0002_mid_x.sql", "0002_pre_X.sql", "0001_post_again.sql"]
)
def test_a_misnamed_file_is_refused(
    empty_database: ConnectionUrls, directory: Path, name: str
) -> None:
    (directory / name).write_text("SELECT 1")
    with pytest.raises(MigrationMisnamed):
        migrate_blocking(empty_database.owner, directory)


def test_where_our_roles_do_not_exist_grants_go_to_the_one_role(
    empty_database: ConnectionUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a server that lets us create no roles: the names that would be looked for are absent.
    monkeypatch.setattr(roles, "APP", "absent_app")
    assert migrate_blocking(empty_database.owner, MIGRATIONS)
    with psycopg.connect(empty_database.owner) as connection:
        query = "SELECT has_schema_privilege('nostro_app', 'nostro', 'USAGE')"
        assert connection.execute(query).fetchone() == (False,)


def test_databases_made_for_tests_are_independent(postgres: TestServer) -> None:
    first, second = postgres.create(), postgres.create()
    with psycopg.connect(first.owner) as connection:
        connection.execute("CREATE TABLE nostro.only_here (id integer)")
    with psycopg.connect(second.owner) as connection:
        row = connection.execute("SELECT to_regclass('nostro.only_here')").fetchone()
    assert row == (None,)
    postgres.drop(first)
    postgres.drop(second)
