"""An operation of the API as data: method, path, parameters, handler. The routes and OpenAPI are made from these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from nostro.api import snapshots
from nostro.api.expand import Paths
from nostro.api.parameters import Spec
from nostro.api.render import render
from nostro.api.services import Services
from nostro.idempotency.model import Replayed
from nostro.kernel.answer import Answer, Refusal
from nostro.kernel.clock import BusinessTime
from nostro.merchants.model import Identity
from nostro.payments.service import Merchant


def shown_plainly(call: Call, row: snapshots.Row, now: BusinessTime) -> dict[str, Any]:
    """An answer's row as its object."""
    return render(row, now)


class Call(msgspec.Struct):
    """One request, authenticated and parsed. `show` makes the body of its answer, replayed or not."""

    services: Services
    merchant: Merchant
    params: dict[str, Any]
    path: Mapping[str, str]
    version: str
    identity: Identity
    expand: Paths = {}
    show: Show = shown_plainly

    @property
    def book(self) -> int:
        """The book of the key's mode."""
        return self.merchant.book

    @property
    def account(self) -> str:
        """The account the key speaks for."""
        return self.merchant.origin.account

    @property
    def live(self) -> bool:
        """The key's mode."""
        return self.merchant.origin.live

    @property
    def now(self) -> BusinessTime:
        """Business time now."""
        return self.services.clock.business()


Show = Callable[[Call, snapshots.Row, BusinessTime], dict[str, Any]]


class Shown(msgspec.Struct, frozen=True):
    """A body made by a read, or by a change of a reference table: shown as it is, expanded if asked."""

    body: Any


class File(msgspec.Struct, frozen=True):
    """A file in its one spelling: these bytes and no others."""

    data: bytes


Reply = Answer | Refusal | Replayed | Shown | File
Handler = Callable[[Call], Awaitable[Reply]]


class Operation(msgspec.Struct, frozen=True):
    """One operation. `returns` names the object it answers with, for expansion and the documentation.

    `show` renders its answers where the row alone does not say everything, such as a secret that is shown once.
    """

    method: str
    path: str
    spec: Spec
    handler: Handler
    returns: str
    summary: str
    listed: bool = False
    show: Show = shown_plainly


def by_path(operations: Sequence[Operation]) -> dict[str, dict[str, Operation]]:
    """Operations by path and method."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths
