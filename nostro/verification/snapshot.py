"""The database as it stood at one moment."""

from __future__ import annotations

from typing import Any, LiteralString, Protocol


class Snapshot(Protocol):
    """Reads from one unchanging state of the database. The first read fixes it; nothing is ever written."""

    async def fetch(
        self, statement: LiteralString, *parameters: Any
    ) -> list[tuple[Any, ...]]: ...
