"""Runs what is decided without leaving the house: one command, under the request's key if it has one."""

from __future__ import annotations

from nostro.api.operation import Call, Reply
from nostro.idempotency.commands import Guarded
from nostro.kernel.answer import Answer, Proceed, Refusal
from nostro.kernel.command import Command


async def decided(call: Call, command: Command[Answer | Refusal | Proceed]) -> Reply:
    """The command's answer once it is durable, or what the same key was answered before."""
    decider = call.services.decider(call.book)
    answer: Reply | Proceed
    if call.merchant.request is None:
        answer = await decider.run(command)
    else:
        answer = await decider.run(Guarded(command, call.merchant.request))
    assert not isinstance(answer, Proceed), "nothing is sent for this"
    return answer


def seed(call: Call) -> bytes:
    """The 16 random bytes a command mints its ids from."""
    return call.services.entropy.bytes(16)
