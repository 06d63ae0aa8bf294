"""The three roles, in the embedded server and on one we were given a URL for."""

import asyncio
import os
import subprocess
import sys

import psycopg
import pytest
from psycopg import sql

from nostro.db import durability, roles, server_account
from nostro.db.errors import UnsafeDurability, UnsupportedServer
from nostro.db.migrate import migrate_blocking
from nostro.db.urls import ConnectionUrls, with_credentials
from tests.database import TestServer


def value(url: str, query: str) -> object:
    """The single value of a query."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def test_no_role_of_ours_may_do_more_than_its_work(database: ConnectionUrls) -> None:
    query = """
        SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)
        FROM pg_roles WHERE rolname IN ('nostro_owner', 'nostro_app', 'nostro_read_only')
    """
    assert value(database.app, query) is False


@pytest.mark.parametrize("schema", ["nostro", "public"])
def test_the_application_cannot_create_tables(database: ConnectionUrls, schema: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        value(database.app, f"CREATE TABLE {schema}.mine (id integer)")


def test_a_new_table_is_readable_by_the_reader_and_closed_to_the_application(
    database: ConnectionUrls,
) -> None:
    with psycopg.connect(database.owner) as connection:
        connection.execute("CREATE TABLE nostro.things AS SELECT 1 AS book_id")
    assert value(database.read_only, "SELECT book_id FROM things") == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        value(database.app, "SELECT book_id FROM things")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        value(database.read_only, "DELETE FROM things")


@pytest.mark.parametrize(
    "setting", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
)
def test_the_application_cannot_stall_for_longer_than_seconds(
    database: ConnectionUrls, setting: str
) -> None:
    milliseconds = f"SELECT setting::integer FROM pg_settings WHERE name = '{setting}'"
    assert 1_000 <= int(str(value(database.app, milliseconds))) <= 5_000


@pytest.mark.parametrize("role", [roles.OWNER, roles.APP, roles.READ_ONLY])
def test_nobody_is_trusted(database: ConnectionUrls, role: str) -> None:
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(with_credentials(database.app, role, password))


def test_the_superuser_has_no_password_to_steal(postgres: TestServer) -> None:
    assert value(postgres.admin_url, "SELECT current_user") == "nostro_admin"
    query = "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'nostro_admin'"
    assert value(postgres.admin_url, query) is True


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second system account")
def test_another_system_account_is_not_the_superuser(postgres: TestServer) -> None:
    connect = "import psycopg, sys; psycopg.connect(sys.argv[1])"
    # The server's own account reaches the socket, and even it is not let in.
    account = server_account.choose()
    done = subprocess.run(
        ["setpriv", "--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
        + ["--ambient-caps", "+dac_read_search", "--inh-caps", "+dac_read_search"]
        + [sys.executable, "-c", connect, postgres.admin_url],
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert "Peer authentication failed" in done.stderr


def test_a_url_does_not_print_its_password(database: ConnectionUrls) -> None:
    assert "nostro_app" not in repr(database)


def test_an_owner_that_may_create_roles_gets_them_and_every_process_agrees(
    postgres: TestServer, empty_database: ConnectionUrls
) -> None:
    # The server's own roles are given new passwords here, so they are put back at the end.
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("ALTER ROLE nostro_owner CREATEROLE")
        for role in (roles.APP, roles.READ_ONLY):
            admin.execute(f"GRANT {role} TO nostro_owner WITH ADMIN OPTION")
        try:
            first = asyncio.run(roles.ensure(empty_database.owner))
            assert asyncio.run(roles.ensure(empty_database.owner)) == first
            migrate_blocking(first.owner)
            assert first.separate
            assert value(first.app, "SELECT current_user") == roles.APP
            assert value(first.read_only, "SELECT current_user") == roles.READ_ONLY
        finally:
            restore(admin, empty_database)


def restore(admin: psycopg.Connection[tuple[object, ...]], urls: ConnectionUrls) -> None:
    """Give the server's own roles back their passwords and take away what was lent."""
    admin.execute("ALTER ROLE nostro_owner NOCREATEROLE")
    for role, url in ((roles.APP, urls.app), (roles.READ_ONLY, urls.read_only)):
        admin.execute(f"REVOKE {role} FROM nostro_owner")
        secret = sql.Literal(str(psycopg.conninfo.conninfo_to_dict(url)["password"]))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), secret))


def test_an_owner_that_may_not_create_roles_is_used_alone_and_says_so(
    empty_database: ConnectionUrls,
) -> None:
    one = empty_database.owner
    assert asyncio.run(roles.ensure(one)) == ConnectionUrls(one, one, one, separate=False)


def test_a_server_that_may_lose_commits_is_refused(
    postgres: TestServer, empty_database: ConnectionUrls
) -> None:
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("ALTER ROLE nostro_owner SET synchronous_commit = off")
        try:
            with pytest.raises(UnsafeDurability, match="synchronous_commit = off"):
                asyncio.run(roles.ensure(empty_database.owner))
        finally:
            admin.execute("ALTER ROLE nostro_owner RESET synchronous_commit")


def test_an_old_server_is_refused(
    empty_database: ConnectionUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No older server is at hand, so the bound is raised above the one that is.
    monkeypatch.setattr(durability, "OLDEST_SERVER", 99)
    with pytest.raises(UnsupportedServer, match="needs 99 or newer"):
        asyncio.run(roles.ensure(empty_database.owner))


@pytest.mark.parametrize(
    ("table", "hidden", "shown"),
    [("api_keys", "key_hash", "last4"), ("webhook_endpoints", "secret", "url")],
)
def test_the_reader_sees_neither_hashes_of_keys_nor_sealed_secrets(
    database: ConnectionUrls, table: str, hidden: str, shown: str
) -> None:
    assert value(database.read_only, f"SELECT count({shown}) FROM {table}") == 0
    for column in (hidden, "*"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            value(database.read_only, f"SELECT {column} FROM {table}")
