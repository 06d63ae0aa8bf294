"""The database as it stood at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, LiteralString, Protocol


class Snapshot(Protocol):
    """Reads from one unchanging state of the database. The first read fixes it; nothing is ever written."""

    async def fetch(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...


class Stream(Snapshot, Protocol):
    """Reads whole tables besides, in pieces: a book need not fit into memory. Several streams may be open at a time."""

    def stream(
        self, statement: LiteralString, *parameters: Any
    ) -> AsyncIterator[list[tuple[Any, ...]]]: ...
