"""Turns replies into bytes: snapshots rendered at the caller's version, expanded, and saved with what they used.

Rendering happens after commit. What an answer was expanded with is saved beside it before it is sent, so that a
replay shows the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from nostro.api import expand, snapshots, versions
from nostro.api.errors import ApiError, lock_timeout, to_body
from nostro.api.operation import Call, Reply, Shown
from nostro.api.reading import Reading
from nostro.api.render import encode, render
from nostro.api.versions import Fetched
from nostro.idempotency.commands import SaveRelated
from nostro.idempotency.model import Replayed
from nostro.kernel import answer as answers
from nostro.kernel.answer import Answer, Refusal, Saved
from nostro.kernel.clock import BusinessTime

_NOW = "now"
Rendered = tuple[int, bytes]


class Answers:
    """Renders replies for one application."""

    def __init__(self, services: Any) -> None:
        self._services = services

    async def render(self, call: Call, reply: Reply, headers: dict[str, str]) -> Rendered:
        """Status and body."""
        if isinstance(reply, Replayed):
            headers["Idempotent-Replayed"] = "true"
            headers["Original-Request"] = reply.original_request
            return await self._saved(call, answers.decode(reply.answer), headers, True)
        if isinstance(reply, Shown):
            body = reply.body
            if call.expand or not versions.is_newest(call.version):
                body, _ = await self._complete(call, body, {}, call.now)
            return 200, encode(body)
        return await self._saved(call, reply, headers, False)

    async def _saved(
        self, call: Call, saved: Saved, headers: dict[str, str], replayed: bool
    ) -> Rendered:
        if isinstance(saved, Refusal):
            if saved.code == "lock_timeout":
                headers.update(lock_timeout().headers)
            return saved.status, encode(await self._refusal(call, saved))
        now = BusinessTime(int(saved.related.get(_NOW, call.now)))
        body = render(snapshots.decode(saved.snapshot), now)
        if not call.expand and versions.is_newest(call.version):
            return saved.status, encode(body)
        body, used = await self._complete(call, body, saved.related, now)
        if not replayed and call.merchant.request is not None:
            await self._remember(call, saved, used, now)
        return saved.status, encode(body)

    async def _complete(
        self, call: Call, body: Any, related: Mapping[str, str], now: BusinessTime
    ) -> tuple[Any, dict[str, Fetched]]:
        """The body at its version and expanded; what was saved with it comes first."""
        reading = Reading(self._services.reader, call.book, call.account)

        async def fetch(wanted: Sequence[str]) -> Mapping[str, Fetched]:
            if related:
                return {key: _row(related[key]) for key in wanted if key in related}
            return await reading.fetch(wanted)

        body, lists = await versions.adapted(body, call.version, fetch, now)
        used = await expand.expand(body, call.expand, fetch, now)
        body, more = await versions.adapted(body, call.version, fetch, now)
        return body, {**lists, **used, **more}

    async def _remember(
        self, call: Call, saved: Answer, used: dict[str, Fetched], now: BusinessTime
    ) -> None:
        assert call.merchant.request is not None
        related = {key: msgspec.json.encode(row).decode() for key, row in used.items()}
        related[_NOW] = str(now)
        command = SaveRelated(
            call.book, self._services.entropy.bytes(16), call.merchant.request.id,
            replace(saved, related=related),
        )  # fmt: skip
        await self._services.decider(call.book).run(command)

    async def _refusal(self, call: Call, refusal: Refusal) -> dict[str, Any]:
        error = ApiError(
            refusal.status,
            refusal.type,
            refusal.message,
            code=refusal.code,
            param=refusal.param,
            decline_code=refusal.decline_code,
            charge=refusal.charge,
            payment_intent=await self._inside(call, refusal.payment_intent),
            payment_method=await self._inside(call, refusal.payment_method),
        )
        return to_body(error)

    async def _inside(self, call: Call, snapshot: str | None) -> Any:
        if snapshot is None:
            return None
        body: Any = render(snapshots.decode(snapshot), call.now)
        if not versions.is_newest(call.version):
            body, _ = await self._complete(call, body, {}, call.now)
        return body


def _row(text: str) -> Fetched:
    return snapshots.decode_list(text) if text.startswith("[") else snapshots.decode(text)
