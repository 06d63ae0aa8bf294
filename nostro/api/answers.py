"""Turns replies into bytes: snapshots rendered at the caller's version, expanded, and saved with what they used.

Rendering happens after commit. What an answer was expanded with is saved beside it before it is sent, so that a
replay shows the same bytes.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nostro.api import snapshots, versions
from nostro.api.errors import ApiError, lock_timeout, to_body
from nostro.api.operation import Call, Reply, Shown
from nostro.api.present import freeze, present, thaw
from nostro.api.reading import Reading
from nostro.api.render import encode, render
from nostro.idempotency.commands import SaveRelated
from nostro.idempotency.model import Replayed
from nostro.kernel import answer as answers
from nostro.kernel.answer import Answer, Refusal, Saved

Rendered = tuple[int, bytes]


async def answer(call: Call, reply: Reply, headers: dict[str, str]) -> Rendered:
    """Status and body of a reply; its headers are added to `headers`."""
    if isinstance(reply, Replayed):
        headers["Idempotent-Replayed"] = "true"
        headers["Original-Request"] = reply.original_request
        return await _saved(call, answers.decode(reply.answer), headers, True)
    if isinstance(reply, Shown):
        return 200, encode(await _presented(call, reply.body))
    return await _saved(call, reply, headers, False)


async def _saved(call: Call, saved: Saved, headers: dict[str, str], replayed: bool) -> Rendered:
    if isinstance(saved, Refusal):
        if saved.code == "lock_timeout":
            headers.update(lock_timeout().headers)
        return saved.status, encode(await _refusal(call, saved))
    row = snapshots.decode(saved.snapshot)
    if saved.related:
        fetch, now = thaw(saved.related)
        body, _ = await present(call.show(call, row, now), call.version, call.expand, fetch, now)
        return saved.status, encode(body)
    now = call.now
    body = call.show(call, row, now)
    if not call.expand and versions.is_newest(call.version):
        return saved.status, encode(body)
    body, used = await present(body, call.version, call.expand, _reading(call).fetch, now)
    if not replayed:
        await _remember(call, replace(saved, related=freeze(used, now)))
    return saved.status, encode(body)


async def _remember(call: Call, saved: Answer) -> None:
    """Keep what the answer was expanded with under its key, before anybody sees it."""
    if call.merchant.request is None:
        return
    seed = call.services.entropy.bytes(16)
    command = SaveRelated(call.book, seed, call.merchant.request.id, saved)
    await call.services.decider(call.book).run(command)


async def _refusal(call: Call, refusal: Refusal) -> dict[str, Any]:
    return to_body(
        ApiError(
            refusal.status,
            refusal.type,
            refusal.message,
            code=refusal.code,
            param=refusal.param,
            decline_code=refusal.decline_code,
            charge=refusal.charge,
            payment_intent=await _inside(call, refusal.payment_intent),
            payment_method=await _inside(call, refusal.payment_method),
        )
    )


async def _inside(call: Call, snapshot: str | None) -> Any:
    if snapshot is None:
        return None
    body = render(snapshots.decode(snapshot), call.now)
    return (await present(body, call.version, {}, _reading(call).fetch, call.now))[0]


async def _presented(call: Call, body: Any) -> Any:
    if not call.expand and versions.is_newest(call.version):
        return body
    return (await present(body, call.version, call.expand, _reading(call).fetch, call.now))[0]


def _reading(call: Call) -> Reading:
    return Reading(call.services.reader, call.book, call.account)
