"""Creates the three roles: owner, application, read-only.

Inside the embedded server all three are ours. On a server somebody else runs, the URL we were
given is the owner; the other two are created if it may create roles, and otherwise the one URL is
used for everything and `ConnectionUrls.separate` says so.

The roles belong to the whole server, so two Nostro installations on one server share them; give
each its own server, or its own owner without CREATEROLE.
"""

import hashlib
import hmac
import logging
from typing import Any

from psycopg import AsyncConnection, ProgrammingError, sql
from psycopg.errors import InsufficientPrivilege

from nostro.db.durability import assert_durable, assert_supported
from nostro.db.errors import UnreachableServer
from nostro.db.reach import UNREADABLE, connect
from nostro.db.urls import ConnectionUrls, password_of, with_credentials
from nostro.kernel import queries

OWNER = "nostro_owner"
APP = "nostro_app"
READ_ONLY = "nostro_read_only"
STATEMENTS = queries.load("nostro.db", "roles.sql")

log = logging.getLogger(__name__)


async def ensure(owner_url: str) -> ConnectionUrls:
    """Check a server we do not run, create our roles there if we may, and return the URLs.

    Raises `UnreachableServer`, `UnsupportedServer` below PostgreSQL 15 and `UnsafeDurability` if it may lose commits.
    Every process derives the same passwords from the owner's, so nothing has to be stored and
    several hosts agree without talking.
    """
    async with await connect(owner_url) as connection:
        assert_supported(connection)
        await assert_durable(connection)
        try:
            return await _separate(connection, owner_url)
        except InsufficientPrivilege:
            log.warning("The database user may not create roles: one role does everything.")
            return ConnectionUrls(owner_url, owner_url, owner_url, separate=False)


async def _separate(connection: AsyncConnection[Any], owner_url: str) -> ConnectionUrls:
    secret = password_of(owner_url)
    if secret is None:
        log.warning("The database URL has no password to derive others from: one role is used.")
        return ConnectionUrls(owner_url, owner_url, owner_url, separate=False)
    passwords = {role: _derived(secret, role) for role in (APP, READ_ONLY)}
    async with connection.transaction():
        await create(connection, APP, passwords[APP], STATEMENTS["app"])
        await create(connection, READ_ONLY, passwords[READ_ONLY], STATEMENTS["read_only"])
        await admit(connection, connection.info.dbname)
    app, read_only = (with_credentials(owner_url, role, passwords[role]) for role in passwords)
    return ConnectionUrls(owner_url, app, read_only)


def urls_if_there(owner_url: str) -> ConnectionUrls:
    """The URLs as `ensure` would return them for a server on which it has run; nothing is asked.

    Raises `UnreachableServer` for a URL that cannot be read, and does not show it.
    """
    try:
        secret = password_of(owner_url)
    except ProgrammingError:
        raise UnreachableServer(UNREADABLE) from None
    if secret is None:
        return ConnectionUrls(owner_url, owner_url, owner_url, separate=False)
    app, read_only = (
        with_credentials(owner_url, role, _derived(secret, role)) for role in (APP, READ_ONLY)
    )
    return ConnectionUrls(owner_url, app, read_only)


def _derived(secret: str, role: str) -> str:
    return hmac.new(secret.encode(), f"nostro role {role}".encode(), hashlib.sha256).hexdigest()


async def create(connection: AsyncConnection[Any], role: str, password: str, settings: str) -> None:
    """Create a role or give an existing one this password, then apply its settings."""
    exists = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    verb = "ALTER" if await exists.fetchone() else "CREATE"
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
        sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
    )
    await connection.execute(statement)
    await connection.execute(settings)


async def admit(connection: AsyncConnection[Any], database: str) -> None:
    """Let the application and the reader into a database, and nobody else."""
    name = sql.Identifier(database)
    await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for role in (APP, READ_ONLY):
        grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(role))
        await connection.execute(grant)
