"""Where the embedded PostgreSQL of a data directory is reached.

The one place in the benchmark that knows. PostgreSQL writes its socket directory and port into
`postmaster.pid`, so of the data directory's layout only Nostro's own reader of it is relied on.
"""

from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from nostro.db import roles, running
from nostro.db.errors import NothingRuns
from nostro.db.urls import ConnectionUrls, with_database

ADMIN = "nostro_admin"
PID_LINE, PORT_LINE, SOCKET_LINE = 0, 3, 4


class NoDatabase(Exception):
    """No running PostgreSQL was found below the data directory."""


def database_url(data_dir: Path, database: str = "postgres") -> str:
    """The superuser's connection string; works for the account that runs `nostro up`.

    Raises NoDatabase.
    """
    lines = _postmaster(data_dir)[1]
    return make_conninfo(
        host=lines[SOCKET_LINE], port=lines[PORT_LINE], dbname=database, user=ADMIN
    )


def server_pid(data_dir: Path) -> int:
    """The server's process id. Raises NoDatabase."""
    return int(_postmaster(data_dir)[1][PID_LINE])


def role_urls(data_dir: Path, database: str) -> ConnectionUrls:
    """The URLs of Nostro's roles for a database of that server. Raises NoDatabase."""
    file = _postmaster(data_dir)[0]
    try:
        found = running.urls_of(file.parent.parent)
    except NothingRuns as error:
        raise NoDatabase(str(error)) from error
    owner, app, read_only = (at(url, database) for url in (found.owner, found.app, found.read_only))
    return ConnectionUrls(owner, app, read_only)


def at(url: str, database: str) -> str:
    """The same server and credentials, another database."""
    return with_database(url, database)


def create(admin_url: str, database: str) -> None:
    """A fresh database that Nostro's owner role owns; one of that name is dropped. Raises psycopg.Error."""
    name, owner = sql.Identifier(database), sql.Identifier(roles.OWNER)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {}")
        connection.execute(statement.format(name, owner))


def _postmaster(data_dir: Path) -> tuple[Path, list[str]]:
    for file in sorted(data_dir.glob("**/postmaster.pid")):
        lines = file.read_text().splitlines()
        if len(lines) > SOCKET_LINE and lines[SOCKET_LINE]:
            return file, lines
    raise NoDatabase(f"no postmaster.pid with a socket below {data_dir}")
