"""What is said on a wire, message by message: HTTP, and PostgreSQL's protocol. Just enough to fail at a chosen place."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from nostro.conformance.exchange import read_request
from tests.db.commit_messages import CommitMessages

SYNC = b"S"
# After these the client waits: a synchronisation point, a flush, a simple query, a password, the end.
PASSWORD = b"p"
LAST = (SYNC, b"H", b"Q", PASSWORD, b"X")
READY = b"Z\0\0\0\5"  # ReadyForQuery; one byte of state follows


@dataclass(frozen=True)
class Saying:
    """Everything that the client says before it waits. `commit` is where in it a COMMIT begins, if one is there.

    `counts` is false for the rest of a greeting: a connection meets a fault once while it is made.
    """

    raw: bytes
    commit: int | None = None
    counts: bool = True


class Speech(Protocol):
    """One connection's."""

    async def next(self, reader: asyncio.StreamReader) -> Saying | None: ...
    def is_answered(self, data: bytes) -> bool: ...


class Http:
    """A request is a message; any byte of the answer says that it was acted on."""

    async def next(self, reader: asyncio.StreamReader) -> Saying | None:
        """The next request."""
        request = await read_request(reader, lambda _: None)
        return None if request is None else Saying(request.raw)

    def is_answered(self, data: bytes) -> bool:
        """Whether the server has acted on what it was told last."""
        return bool(data)


class Postgres:
    """Everything up to a synchronisation point is a message; it is answered when the server is ready again.

    A greeting, up to the last password, is answered by any word.
    """

    def __init__(self) -> None:
        self._commits = CommitMessages()
        self._begun, self._greeting = False, True
        self._tail = b""

    async def next(self, reader: asyncio.StreamReader) -> Saying | None:
        """The next round trip. The first message of a connection has no type."""
        raw, commit, kind = b"", None, b""
        try:
            while kind not in LAST:
                kind = await reader.readexactly(1) if self._begun else SYNC
                length = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(length, "big") - 4)
                if self._begun and commit is None and self._commits.is_one(kind, body):
                    commit = len(raw)
                raw += (kind if self._begun else b"") + length + body
                self._begun = True
        except asyncio.IncompleteReadError:
            return None
        self._greeting = raw[:1] in (b"\0", PASSWORD)
        return Saying(raw, commit, kind != PASSWORD)

    def is_answered(self, data: bytes) -> bool:
        """Whether the server is ready for the next."""
        self._tail = (self._tail + data)[-6:]
        return self._greeting or self._tail[:5] == READY
