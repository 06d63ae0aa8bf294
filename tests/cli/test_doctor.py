"""`nostro doctor` on a well installation, and on what can be wrong with one."""

import socket
from typing import Any

import psycopg

from nostro.db.urls import ConnectionUrls
from tests.cli.command import Command
from tests.server import HOST, Server


def verdicts(rows: list[Any]) -> dict[str, str]:
    """The verdict of each check."""
    return {row["check"]: row["verdict"] for row in rows}


def test_a_running_nostro_is_well(nostro: Command) -> None:
    ended = nostro("doctor", "--json")
    found = verdicts(ended.rows)
    assert ended.code == 0
    assert set(found) >= {"Python", "clock", "key files", "durability", "migrations", "roles"}
    assert set(found) >= {"disk", "sandbox", "api", "database version", "database clock"}
    # A test may run on a memory disk, which is worth a warning.
    assert {check for check, verdict in found.items() if verdict != "ok"} <= {"disk"}


def test_a_key_file_that_others_may_read_fails(server: Server, nostro: Command) -> None:
    exposed = server.data_dir / "api.key"
    exposed.chmod(0o644)
    ended = nostro("doctor", "--json")
    exposed.chmod(0o600)
    assert ended.code == 1
    [line] = [row for row in ended.rows if row["verdict"] == "fail"]
    assert (line["check"], str(exposed) in line["found"]) == ("key files", True)
    assert "chmod 600" in line["advice"]


def test_where_nothing_runs_the_ports_are_tried(nowhere: Command) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        ended = nowhere("doctor", "--port", str(port), "--sandbox-port", "0", "--json")
    found = verdicts(ended.rows)
    assert ended.code == 0
    assert (found["port"], found["sandbox port"]) == ("warn", "ok")
    assert (found["database"], found["sandbox"], found["data directory"]) == ("warn",) * 3


def test_a_database_out_of_reach_fails_and_its_password_is_not_shown(nowhere: Command) -> None:
    for url in ("postgresql://u:hush-hush@127.0.0.1:9/x", "u:hush-hush@127.0.0.1"):
        ended = nowhere("doctor", "--database-url", url)
        assert ended.code == 1
        assert "fail  database" in ended.out
        assert "hush" not in ended.out + ended.err


def test_an_external_database_without_migrations_or_roles_of_its_own(
    nowhere: Command, empty_database: ConnectionUrls
) -> None:
    ended = nowhere("doctor", "--database-url", empty_database.owner, "--json")
    found = verdicts(ended.rows)
    assert ended.code == 1
    assert (found["migrations"], found["roles"]) == ("fail", "warn")


def test_an_altered_schema_fails_and_what_was_altered_is_named(
    nowhere: Command, database: ConnectionUrls
) -> None:
    ended = nowhere("doctor", "--database-url", database.owner, "--json")
    assert verdicts(ended.rows)["schema"] == "ok"
    with psycopg.connect(database.owner) as connection:
        connection.execute("ALTER TABLE nostro.accounts DROP CONSTRAINT accounts_fee_fixed_check")
    ended = nowhere("doctor", "--database-url", database.owner, "--json")
    [line] = [row for row in ended.rows if row["check"] == "schema"]
    assert (ended.code, line["verdict"]) == (1, "fail")
    assert line["found"].startswith("constraint accounts.accounts_fee_fixed_check: it is gone")
