"""What is examined: an adapter, and the processor it can be tried against. The adapter's author writes one."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, TypeVar, cast

from nostro.acquirers.scope import Scope
from nostro.acquirers.trial import Cards
from nostro.kernel.capabilities import Capabilities
from nostro.kernel.errors import Misconfigured
from nostro.kernel.ports import Acquirer, Clock

T = TypeVar("T")
FACTORY = "conformance"


class Connector(Acquirer, Protocol):
    """An adapter with its claims."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def scope(self) -> Scope: ...


class Processor(Protocol):
    """A processor that runs, for as long as the suite takes."""

    @property
    def url(self) -> str: ...

    async def acted(self, reference: str) -> int:
        """How many operations its own book has under a reference, cancelled ones not counted."""


class Subject(Protocol):
    """An adapter under examination."""

    @property
    def currency(self) -> str: ...

    @property
    def cards(self) -> Cards: ...

    def adapter(self, base_url: str, clock: Clock, call_ms: int) -> Connector:
        """A new adapter that talks to `base_url`; no call may take longer than `call_ms` from its write."""

    def processor(self) -> AbstractAsyncContextManager[Processor]:
        """Start the processor; it is stopped at the end."""


def load(name: str) -> Subject:
    """The subject that `MODULE[:FACTORY]` makes. Raises Misconfigured."""
    module_name, _, factory_name = name.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise Misconfigured(
            f"{name!r} is no MODULE or MODULE:FACTORY: give a module's name, as `import` does"
        )
    if os.getcwd() not in sys.path:  # as `python -m` does: one's own module need not be installed
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Misconfigured(f"cannot import {module_name}: {error}") from error
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise Misconfigured(f"cannot import {module_name}: SyntaxError in {place}") from None
    except Exception as error:  # noqa: BLE001 - its words may hold a card's number
        raise Misconfigured(f"importing {module_name} raised {type(error).__name__}") from None
    factory: Callable[[], Any] | None = getattr(module, factory_name or FACTORY, None)
    if factory is None:
        raise Misconfigured(f"{module_name} has no {factory_name or FACTORY}() to give its subject")
    called = f"{module_name}.{factory_name or FACTORY}()"
    subject = made(called, factory)
    for part, kind in (("currency", str), ("cards", Cards)):
        if not isinstance(getattr(subject, part, None), kind):
            raise Misconfigured(f"what {called} gives has no `{part}` that is a {kind.__name__}")
    for part in ("adapter", "processor"):
        if not callable(getattr(subject, part, None)):
            raise Misconfigured(f"what {called} gives has no `{part}()`")
    return cast(Subject, subject)


@asynccontextmanager
async def running(subject: Subject) -> AsyncIterator[Processor]:
    """The processor, started. Raises Misconfigured if it does not start."""
    async with AsyncExitStack() as stack:
        starting = made("processor()", subject.processor)
        try:
            processor = await stack.enter_async_context(starting)
        except Exception as error:  # noqa: BLE001 - its words may hold a card's number
            kind = type(error).__name__
            raise Misconfigured(
                f"processor() raised {kind}: start it yourself to see why"
            ) from None
        yield processor


def made(name: str, make: Callable[[], T]) -> T:
    """What a call of the author's makes. Raises Misconfigured without its words, which may hold a card's number."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - the name is told
        kind = type(error).__name__
        raise Misconfigured(f"{name} raised {kind}: call it yourself to see why") from None
