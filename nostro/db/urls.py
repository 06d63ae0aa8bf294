"""Connection URLs: where the database is, and as whom to open it."""

from dataclasses import dataclass, field
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass(frozen=True)
class ConnectionUrls:
    """One URL per role. They carry passwords, so none of them is printed by `repr`.

    `separate` is False when the server let us create no roles: then all three are the same URL and
    the database's own line of defence (an application that may not alter the ledger) is missing.
    """

    owner: str = field(repr=False)
    app: str = field(repr=False)
    read_only: str = field(repr=False)
    separate: bool = True


def socket_url(directory: str, database: str, user: str, password: str | None = None) -> str:
    """The URL of a database behind a unix socket in `directory`."""
    secret = f":{quote(password, safe='')}" if password else ""
    return f"postgresql://{quote(user)}{secret}@/{quote(database)}?host={quote(directory, safe='')}"


def with_credentials(url: str, user: str, password: str) -> str:
    """The same server and database, opened as someone else."""
    return make_conninfo(url, user=user, password=password)


def with_database(url: str, database: str) -> str:
    """The same server and credentials, another database."""
    return make_conninfo(url, dbname=database)


def password_of(url: str) -> str | None:
    """The password a URL or conninfo string carries, if any."""
    password = conninfo_to_dict(url).get("password")
    return None if password is None else str(password)
