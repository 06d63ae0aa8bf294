"""Connects to a server somebody else runs, and says in one sentence why that did not work."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import AsyncConnection

from nostro.db.errors import UnreachableServer

CONNECT_SECONDS = 5
UNREADABLE = "The database URL cannot be read: it looks like postgresql://user:password@host/name."
_SECRET = re.compile(r"://[^@\s]*@")


async def connect(url: str) -> AsyncConnection[Any]:
    """A connection in autocommit mode. Raises `UnreachableServer`, whose message has no password."""
    try:
        return await AsyncConnection.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        said = _SECRET.sub("://…@", str(error)).strip().replace("\n", " ")
        raise UnreachableServer(f"The database cannot be reached: {said}") from None
    except psycopg.ProgrammingError:
        raise UnreachableServer(UNREADABLE) from None
