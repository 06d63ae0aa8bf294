"""Asks the server whether an acknowledged commit survives a crash, and refuses it if not.

Asked at every start and of every kind of server, since one `ALTER SYSTEM` is enough to turn the
promise "nothing accepted is lost" into a lie that no other test would see.
"""

from typing import Any

from psycopg import AsyncConnection

from nostro.db.errors import UnsafeDurability, UnsupportedServer

OLDEST_SERVER = 15
REQUIRED = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
}


async def assert_durable(connection: AsyncConnection[Any]) -> None:
    """Raise `UnsafeDurability` unless every setting in `REQUIRED` has a safe value."""
    for setting, safe in REQUIRED.items():
        row = await (await connection.execute(f"SHOW {setting}")).fetchone()
        value = row[0] if row else "unknown"
        if value not in safe:
            raise UnsafeDurability(
                f"PostgreSQL runs with {setting} = {value}: it may lose payments it has confirmed. "
                f"Set {setting} = on (look for it in postgresql.auto.conf) and start again."
            )


def assert_supported(connection: AsyncConnection[Any]) -> None:
    """Raise `UnsupportedServer` for a PostgreSQL older than `OLDEST_SERVER`."""
    major = connection.info.server_version // 10000
    if major < OLDEST_SERVER:
        raise UnsupportedServer(
            f"This PostgreSQL is version {major}; Nostro needs {OLDEST_SERVER} or newer."
        )
