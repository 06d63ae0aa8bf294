"""Turns replies into bytes: snapshots rendered at the caller's version, expanded, and saved with what they used.

Rendering happens after commit. What an answer was expanded with is saved beside it before it is sent, so that a
replay shows the same bytes.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nostro.api import snapshots, versions
from nostro.api.deciding import seed
from nostro.api.errors import ApiError, lock_timeout, to_body
from nostro.api.operation import Call, File, Reply, Shown
from nostro.api.present import freeze, present, thaw
from nostro.api.reading import Reading
from nostro.api.render import encode, render
from nostro.api.versions import Fetch, Fetched
from nostro.idempotency.commands import SaveRelated
from nostro.idempotency.model import Replayed
from nostro.kernel import answer as answers
from nostro.kernel.answer import Refusal, Saved
from nostro.kernel.clock import BusinessTime

Rendered = tuple[int, bytes]


async def answer(call: Call, reply: Reply, headers: dict[str, str]) -> Rendered:
    """Status and body of a reply; its headers are added to `headers`."""
    if isinstance(reply, Replayed):
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = reply.original_request
        return await _saved(call, answers.decode(reply.answer))
    if isinstance(reply, File):
        return 200, reply.data
    if isinstance(reply, Shown):
        return 200, encode(await _presented(call, reply.body))
    if isinstance(reply, Refusal) and reply.code == "lock_timeout":
        headers.update(lock_timeout().headers)
    return await _saved(call, reply)


async def _saved(call: Call, saved: Saved) -> Rendered:
    """A saved answer as it was first shown; if this is the first time, that is kept."""
    if saved.related:
        fetch, now = thaw(saved.related)
        return saved.status, encode((await _shown(call, saved, fetch, now))[0])
    body, used = await _shown(call, saved, _reading(call).fetch, call.now)
    if not used:
        return saved.status, encode(body)
    kept = await _remember(call, saved, freeze(used, call.now))
    if kept.related:
        return await _saved(call, kept)
    return saved.status, encode(body)


async def _shown(
    call: Call, saved: Saved, fetch: Fetch, now: BusinessTime
) -> tuple[dict[str, Any], dict[str, Fetched]]:
    if isinstance(saved, Refusal):
        return await _refusal(call, saved, fetch, now)
    body = call.show(call, snapshots.decode(saved.snapshot), now)
    if not call.expand and versions.is_newest(call.version):
        return body, {}
    return await present(body, call.version, call.expand, fetch, now)


async def _remember(call: Call, saved: Saved, related: dict[str, str]) -> Saved:
    """Keep what the answer was shown with under its key, before anybody sees it."""
    again = isinstance(saved, Refusal) and not saved.saved
    if call.merchant.request is None or again:
        return saved
    shown = replace(saved, related=related)
    command = SaveRelated(call.book, seed(call), call.merchant.request.id, saved, shown)
    return await call.services.decider(call.book).run(command)


async def _refusal(
    call: Call, refusal: Refusal, fetch: Fetch, now: BusinessTime
) -> tuple[dict[str, Any], dict[str, Fetched]]:
    intent, used = await _inside(call, refusal.payment_intent, fetch, now)
    method, more = await _inside(call, refusal.payment_method, fetch, now)
    error = ApiError(
        refusal.status,
        refusal.type,
        refusal.message,
        code=refusal.code,
        param=refusal.param,
        decline_code=refusal.decline_code,
        charge=refusal.charge,
        payment_intent=intent,
        payment_method=method,
    )
    return to_body(error), used | more


async def _inside(
    call: Call, snapshot: str | None, fetch: Fetch, now: BusinessTime
) -> tuple[Any, dict[str, Fetched]]:
    if snapshot is None:
        return None, {}
    return await present(render(snapshots.decode(snapshot), now), call.version, {}, fetch, now)


async def _presented(call: Call, body: Any) -> Any:
    if not call.expand and versions.is_newest(call.version):
        return body
    return (await present(body, call.version, call.expand, _reading(call).fetch, call.now))[0]


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)
