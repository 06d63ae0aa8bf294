"""The adapter to the sandbox, and a sandbox of its own to examine it against: `nostro conformance nostro.acquirers.sandbox`."""

from __future__ import annotations

import ctypes
import signal
import sys
import tempfile
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from nostro.acquirers.http import HttpClient
from nostro.acquirers.sandbox import SandboxAcquirer
from nostro.acquirers.trial import Cards
from nostro.kernel.errors import Unavailable
from nostro.kernel.ports import CardDetails, Clock
from nostro.kernel.secret import Cvc, Pan

_SECONDS = 5.0
_STANDS = ("approved", "pending", "voided")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # nothing is loaded between fork and exec


class _Started(msgspec.Struct, frozen=True):
    """The sandbox's first line."""

    port: int


class _Operation(msgspec.Struct, frozen=True):
    """An operation, as far as it is asked here whether it stands."""

    state: str = ""


class RunningSandbox:
    """A sandbox that listens."""

    def __init__(self, url: str) -> None:
        self.url, self._http = url, HttpClient(url, _SECONDS)

    async def acted(self, reference: str) -> int:
        """How many operations stand under a reference: its book has each reference once or not at all."""
        status, body = await self._http.get(b"/v1/operations/" + reference.encode())
        return int(status == 200 and msgspec.json.decode(body, type=_Operation).state in _STANDS)


class SandboxSubject:
    """The sandbox's adapter, with the sandbox's test cards."""

    currency = "usd"
    cards = Cards(
        approved=CardDetails(Pan("4242424242424242"), 12, 2049, Cvc("123")),
        declined=CardDetails(Pan("4000000000009995"), 12, 2049, Cvc("123")),
        decline_reason="insufficient_funds",
    )

    def adapter(self, base_url: str, clock: Clock, call_ms: int) -> SandboxAcquirer:
        """As production makes it."""
        return SandboxAcquirer(base_url, clock, call_ms=call_ms)

    @asynccontextmanager
    async def processor(self) -> AsyncIterator[RunningSandbox]:
        """A sandbox with an empty book. Raises Unavailable if it does not start."""
        with tempfile.TemporaryDirectory(prefix="nostro-conformance-") as directory:
            process = await create_subprocess_exec(
                sys.executable, "-m", "sandbox", "--port", "0", "--data-dir", directory,
                stdin=DEVNULL, stdout=PIPE, preexec_fn=_die_with_parent,
            )  # fmt: skip
            assert process.stdout is not None
            try:
                yield RunningSandbox(_url(await process.stdout.readline()))
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()


def _die_with_parent() -> None:
    """At once: nobody reads any more what it would say while it stops."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _url(line: bytes) -> str:
    try:
        return f"http://127.0.0.1:{msgspec.json.decode(line, type=_Started).port}"
    except msgspec.MsgspecError as error:
        raise Unavailable("the sandbox did not start") from error
