"""Subjects around one sandbox that already runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.sandbox_subject import RunningSandbox, SandboxSubject
from nostro.kernel.ports import Clock


class AgainstSandbox(SandboxSubject):
    """Some adapter to the sandbox, before a sandbox that others use too."""

    def __init__(self, url: str, make: type[SandboxAcquirer]) -> None:
        self._url, self._make = url, make

    def adapter(self, base_url: str, clock: Clock, call_ms: int) -> SandboxAcquirer:
        return self._make(base_url, clock, call_ms=call_ms)

    @asynccontextmanager
    async def processor(self) -> AsyncIterator[RunningSandbox]:
        yield RunningSandbox(self._url)
